//! What the constants of a model may cost while it is read, and how a model whose constants cost
//! more is refused.

use std::time::{Duration, Instant};

use convscope::onnx::pb::attribute_proto::AttributeType;
use convscope::onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto};
use convscope::onnx::{Attribute, Builder, Element, Model, Value, float_tensor, int_tensor};
use convscope::runtime::Graph;

/// The graph y = x + the sum of the constants that `constants` writes.
fn model(constants: impl Fn(&Builder) -> Vec<Value>) -> Model {
    let builder = Builder::default();
    let mut y = builder.input("x", Element::F32, &[1, 4]);
    for constant in constants(&builder) {
        let all: Vec<usize> = (0..constant.rank()).collect();
        y = y + constant.sum(&all).reshape(&[1, 1]);
    }
    builder.output("y", &y);
    builder.finish("constants").unwrap()
}

fn read(model: &Model) -> Result<(), String> {
    Graph::read(model, &[vec![1, 4]]).map(drop).map_err(|error| error.to_string())
}

/// A value that `operator` computes from `inputs`.
fn node(
    builder: &Builder,
    operator: &str,
    inputs: &[&Value],
    attributes: &[(&str, Attribute)],
    shape: &[usize],
) -> Value {
    builder.node(operator, inputs, attributes, Element::F32, shape)
}

const SIDE: usize = 1 << 16;

/// Constants of 2³² elements or more, each by another operator.
fn large() -> Vec<(&'static str, Model)> {
    let ones =
        |b: &Builder, shape: &[usize]| b.floats("ones", shape, &vec![1.0; shape.iter().product()]);
    let whole = [SIDE, SIDE];
    vec![
        ("ConstantOfShape", model(|b| vec![b.zeros(&whole, Element::F32)])),
        (
            "Expand",
            model(|b| {
                let shape = b.ints(&[SIDE as i64, SIDE as i64]);
                vec![node(b, "Expand", &[&b.scalar(1.0, Element::F32), &shape], &[], &whole)]
            }),
        ),
        (
            "Tile",
            model(|b| {
                let repeats = b.ints(&[SIDE as i64, SIDE as i64]);
                vec![node(b, "Tile", &[&ones(b, &[1, 1]), &repeats], &[], &whole)]
            }),
        ),
        (
            "Range",
            model(|b| {
                let bounds = [0, 1i64 << 33, 1].map(|it| b.ints(&[it]).reshape(&[]));
                let range = b.node(
                    "Range",
                    &[&bounds[0], &bounds[1], &bounds[2]],
                    &[],
                    Element::Int,
                    &[1 << 33],
                );
                vec![range.cast(Element::F32)]
            }),
        ),
        (
            "OneHot",
            model(|b| {
                let indices = b.ints(&vec![0; SIDE]);
                let depth = b.ints(&[SIDE as i64]);
                let values = b.floats("values", &[2], &[0.0, 1.0]);
                vec![node(b, "OneHot", &[&indices, &depth, &values], &[], &whole)]
            }),
        ),
        (
            "Einsum",
            model(|b| {
                let side = ones(b, &[SIDE]);
                let equation = Attribute::Text("i,j->ij");
                vec![node(b, "Einsum", &[&side, &side], &[("equation", equation)], &whole)]
            }),
        ),
        ("Mul", model(|b| vec![ones(b, &[SIDE, 1]) * ones(b, &[1, SIDE])])),
        ("MatMul", model(|b| vec![ones(b, &[SIDE, 1]).matmul(&ones(b, &[1, SIDE]))])),
        ("Pad", model(|b| vec![ones(b, &[1, 1]).pad(0, SIDE * SIDE, 0)])),
        (
            "Gather",
            model(|b| {
                let indices = b.ints(&vec![0; SIDE]);
                vec![node(b, "Gather", &[&ones(b, &[1, SIDE]), &indices], &[], &whole)]
            }),
        ),
    ]
}

#[test]
fn a_constant_of_gigabytes_is_refused_by_name_and_at_once() {
    let mut wrong = Vec::new();
    for (operator, model) in large() {
        let begun = Instant::now();
        let error = read(&model).err().unwrap_or_default();
        let says = error.contains("a constant of") || error.contains("an extent of");
        let named = error.starts_with(&format!("{operator} (node \"")) && says;
        if !named || begun.elapsed() > Duration::from_secs(2) {
            wrong.push(format!("{operator}, {:?}: {error}", begun.elapsed()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `count` constants of `rows` × 1024 elements.
fn many(count: usize, rows: usize) -> Model {
    model(|b| (0..count).map(|_| b.zeros(&[rows, 1024], Element::F32)).collect())
}

#[test]
fn many_constants_are_refused_together() {
    let begun = Instant::now();
    // 60 × 64 MiB.
    let error = read(&many(60, 1 << 14)).unwrap_err();
    assert!(error.contains("for which the memory is too small"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // 30 × 4 MiB.
    assert_eq!(read(&many(30, 1 << 10)), Ok(()));
}

#[test]
fn a_product_of_constants_that_takes_long_is_refused() {
    // 2¹⁰ products with 2³⁰ multiplications each.
    let products = model(|b| {
        let side = b.floats("side", &[1024, 1024], &vec![1e-3; 1 << 20]);
        let mut product = side.clone();
        for _ in 0..1024 {
            product = product.matmul(&side);
        }
        vec![product]
    });
    let begun = Instant::now();
    let error = read(&products).unwrap_err();
    assert!(error.starts_with("MatMul") && error.contains("time is too short"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// A model with a node `If` whose branches both compute a constant of `elements` elements.
fn branches(elements: i64) -> Model {
    let proto = model(|_| Vec::new()).proto().clone();
    let graph = proto.graph.clone().unwrap();
    let branch = |name: &str, value: &str| {
        let node = |op: &str, input: &[&str], output: &str, attribute| NodeProto {
            op_type: op.to_owned(),
            name: output.to_owned(),
            input: input.iter().map(|&it| it.to_owned()).collect(),
            output: vec![output.to_owned()],
            attribute,
            ..NodeProto::default()
        };
        let keep = AttributeProto {
            name: "keepdims".to_owned(),
            r#type: AttributeType::Int as i32,
            ..AttributeProto::default()
        };
        let zero = AttributeProto {
            name: "value".to_owned(),
            r#type: AttributeType::Tensor as i32,
            t: Some(float_tensor("", &[1], &[0.0])),
            ..AttributeProto::default()
        };
        let body = GraphProto {
            name: name.to_owned(),
            node: vec![
                // The shape comes from the outer graph.
                node("ConstantOfShape", &["shape"], &format!("{value}.long"), vec![zero]),
                node("ReduceSum", &[&format!("{value}.long")], value, vec![keep]),
            ],
            output: vec![convscope::onnx::value_info(value, Element::F32, &[])],
            ..GraphProto::default()
        };
        AttributeProto {
            name: name.to_owned(),
            r#type: AttributeType::Graph as i32,
            g: Some(body),
            ..AttributeProto::default()
        }
    };
    let condition = NodeProto {
        op_type: "If".to_owned(),
        name: "choice".to_owned(),
        input: vec!["condition".to_owned()],
        output: vec!["chosen".to_owned()],
        attribute: vec![branch("then_branch", "then"), branch("else_branch", "else")],
        ..NodeProto::default()
    };
    let sum = NodeProto {
        op_type: "Add".to_owned(),
        input: vec!["x".to_owned(), "chosen".to_owned()],
        output: vec!["y".to_owned()],
        ..NodeProto::default()
    };
    let mut yes = int_tensor("condition", &[1]);
    (yes.dims, yes.data_type, yes.raw_data) = (vec![], 9, vec![1]);
    let graph = GraphProto {
        node: vec![condition, sum],
        initializer: vec![int_tensor("shape", &[elements]), yes],
        output: vec![convscope::onnx::value_info("y", Element::F32, &[1, 4])],
        ..graph
    };
    Model::from_proto(ModelProto { graph: Some(graph), ..proto }).unwrap()
}

#[test]
fn constants_of_branches_count_too() {
    assert_eq!(read(&branches(1000)), Ok(()));
    let error = read(&branches(1 << 33)).unwrap_err();
    assert!(error.starts_with("ConstantOfShape") && error.contains("an extent of"), "{error}");
    let error = read(&branches(1 << 30)).unwrap_err();
    assert!(error.starts_with("ConstantOfShape") && error.contains("a constant of"), "{error}");
}

#[test]
fn weights_that_are_computed_from_stored_ones_are_accepted() {
    // 16 MiB of weights, which four steps compute.
    let steps = model(|b| {
        let mut value = b.floats("weights", &[2048, 2048], &vec![0.5; 1 << 22]);
        for _ in 0..4 {
            value = value.abs();
        }
        vec![value]
    });
    assert_eq!(read(&steps), Ok(()));
}
