"""Prints docs/models.md from the results of survey.py.

python tests/reference/survey/table.py FOLDER > docs/models.md
"""

import json
import sys
from pathlib import Path

VALUES, MAP, MAP_OF_ROUNDED = 1e-4, 1e-2, 0.5
HALF, INTEGERS = "float16", ("QDQ", "QOperator", "quantized")

HEAD = """# Models of many exporters

`tests/reference/survey/survey.py` makes ONNX files with random weights, asks the server about each, and compares the
answers with other programs. This page is its result; `table.py` in the same folder writes it.

- **values**: the largest difference of the probabilities, and of the channels of every layer that is drawn, from ONNX
  Runtime without optimizations, relative to the largest value. Right is at most 1e-4; for float16 5e-2, for quantized
  files 0.1.
- **map**: the difference of the raw Grad-CAM map at the default layer from PyTorch's autograd, by the norm. Right is at
  most 1e-2; for float16 0.1, for quantized files 0.5. The layer is found in PyTorch by its values.
- **middle**: the same for HiResCAM at a layer in the middle. **input**: the same for Input × Gradient.
- A map that differs more is right if autograd's own maps in float32 and float64 differ as much. The values of some
  random networks come so near to the kinks of their ReLUs that rounding decides.
- `–`: nothing was compared. PyTorch has no value that equals the layer, or the module does not give the scores of the
  file.

The networks are small: pictures have 32 to 256 pixels a side, there are 10 classes, and some networks have fewer blocks
than usual.
"""


def is_rounding(line: dict, key: str) -> bool:
    return line.get(f"{key}_rounding") is not None and line[key] <= 3 * line[f"{key}_rounding"]


def limits(line: dict) -> tuple[float, float]:
    """The largest differences of values and maps."""
    form = line["key"].split("/")[-1]
    if line["key"].startswith("forms") and HALF in form:
        return 5e-2, 0.1
    return (0.1, MAP_OF_ROUNDED) if any(name in form for name in INTEGERS) else (VALUES, MAP)


def judged(line: dict) -> dict:
    """Whether each comparison is right. None where nothing was compared."""
    values, maps = limits(line)
    found = {"values": None}
    compared = [line[key] for key in ("activations", "predictions") if key in line]
    if compared:
        found["values"] = max(compared) <= values
    for key in ("map", "middle_map", "input_map"):
        known = line.get(key) is not None and line.get("reference", 1) <= 1e-2
        found[key] = (line[key] <= maps or is_rounding(line, key)) if known else None
    return found


def cell(line: dict, *keys: str) -> str:
    known = [line[key] for key in keys if line.get(key) is not None]
    is_known = known and (line.get("reference", 1) <= 1e-2 or "map" not in keys[-1])
    return f"{max(known):.0e}" if is_known else "–"


def remark(line: dict) -> str:
    """What is refused and why, in the program's own words."""
    text = line.get("error") or line.get("failed") or ""
    text = text.split("/model.onnx: ")[-1].replace("|", "\\\\|").replace("\n", " ")
    if line.get("undrawable"):
        text = f"{text}; {len(line['undrawable'])} listed values cannot be drawn".lstrip("; ")
    return text if len(text) <= 240 else f"{text[:240]}…"


def main() -> None:
    lines = [json.loads(text) for text in (Path(sys.argv[1]) / "results.jsonl").read_text().splitlines()]
    lines = list({line["key"]: line for line in lines if "not_made" not in line}.values())
    judgements = [judged(line) for line in lines]
    count = lambda key: sum(found[key] is True for found in judgements)
    known = lambda key: sum(found[key] is not None for found in judgements)
    print(HEAD)
    print(f"Of {len(lines)} files, {sum(bool(line.get('loads')) for line in lines)} load.\n")
    print("| | compared | right |\n|---|---|---|")
    for key, title in (("values", "values"), ("map", "map at the default layer"), ("middle_map", "map at a middle layer"),
                       ("input_map", "map at the input")):  # fmt: skip
        print(f"| {title} | {known(key)} | {count(key)} |")
    for group in dict.fromkeys(line["key"].split("/")[0] for line in lines):
        print(
            f"\n## {group}\n\n| network | file | values | default layer | map | middle | input | remark |\n|---|---|---|---|---|---|---|---|"
        )
        for line in lines:
            name, exporter = line["key"].split("/")[1:]
            if line["key"].startswith(f"{group}/"):
                layer = f"`{line['layer']}`" if line.get("layer") else "–"
                cells = [name, exporter, cell(line, "activations", "predictions"), layer, cell(line, "map"),
                         cell(line, "middle_map"), cell(line, "input_map"), remark(line)]  # fmt: skip
                print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
