"""Checks the manifests in this folder without a cluster.

Each kind is checked against its own schema: core kinds against Kubernetes' schemas (strictly), the
Knative Service against Knative's, the InferenceService against the types of KServe's client. The pods
in the InferenceService are also checked against Kubernetes' schemas. A field that is in no schema is
an error.

    pip install -r deploy/requirements.txt
    pip install --no-deps kserve==0.21.0     # its types only, without its dependencies
    python deploy/validate.py
"""

import ast
import importlib.metadata
import pathlib
import sys

import kubernetes_validate
import yaml
from cloudcoil.models.knative_serving.serving.v1 import Service as KnativeService

VERSION = "1.33.0"


def kserve_types():
    """Every type of KServe's client: its fields, by their names in manifests, with their types."""
    types = {}
    for file in importlib.metadata.files("kserve"):
        if "models" not in file.parts or file.suffix != ".py":
            continue
        for node in ast.parse(pathlib.Path(file.locate()).read_text()).body:
            if not isinstance(node, ast.ClassDef):
                continue
            tables = {
                target.id: ast.literal_eval(statement.value)
                for statement in node.body
                if isinstance(statement, ast.Assign)
                for target in statement.targets
                if isinstance(target, ast.Name) and isinstance(statement.value, ast.Dict)
            }
            if {"openapi_types", "attribute_map"} <= tables.keys():
                names = tables["attribute_map"]
                types[node.name] = {names[key]: kind for key, kind in tables["openapi_types"].items()}
    assert "V1beta1InferenceService" in types
    return types


SCALARS = {"str": str, "int": int, "bool": bool, "float": (int, float)}


def check(types, kind, value, place):
    if kind.startswith("list["):
        if not isinstance(value, list):
            yield f"{place}: not a list"
            return
        for index, item in enumerate(value):
            yield from check(types, kind[5:-1], item, f"{place}/{index}")
    elif kind in SCALARS:
        if not isinstance(value, SCALARS[kind]):
            yield f"{place}: {value!r} is not of type {kind}"
    elif kind in types:
        for key, item in value.items():
            if key not in types[kind]:
                yield f"{place}: {kind} has no field {key}"
            else:
                yield from check(types, types[kind][key], item, f"{place}/{key}")


def pods(service):
    """The pods that KServe makes of an InferenceService."""
    for name, component in service["spec"].items():
        known = ("minReplicas", "maxReplicas", "scaleMetric", "scaleTarget", "timeout")
        spec = {key: value for key, value in component.items() if key not in known}
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def errors(manifest):
    match manifest["apiVersion"]:
        case "serving.knative.dev/v1":
            KnativeService.model_validate(manifest, extra="forbid")
        case "serving.kserve.io/v1beta1":
            yield from check(kserve_types(), "V1beta1InferenceService", manifest, "")
            for pod in pods(manifest):
                kubernetes_validate.validate(pod, VERSION, strict=True)
        case _:
            kubernetes_validate.validate(manifest, VERSION, strict=True)


def main():
    failed = checked = 0
    folder = pathlib.Path(__file__).parent
    for file in sorted(folder.glob("*/*.yaml")):
        for manifest in yaml.safe_load_all(file.read_text()):
            checked += 1
            try:
                found = list(errors(manifest))
            except Exception as error:
                found = [str(error)]
            for error in found:
                print(f"{file.relative_to(folder)}: {error}")
            failed += bool(found)
    print(f"{checked} manifests, {failed} wrong")
    sys.exit(failed > 0 or checked == 0)


main()
