use std::fmt::Write as _;
use std::path::Path;

use convscope::gradient::operators;

/// `docs/operators.md` is generated from the table of rules. `BLESS=1 cargo test` writes it again.
#[test]
fn the_documentation_is_generated_from_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operators.md");
    let expected = page();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let actual = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(actual == expected, "docs/operators.md differs from the table: run BLESS=1 cargo test");
}

fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for row in operators() {
        let (first, last) = row.opsets;
        let name = row.name;
        let link = format!("https://onnx.ai/onnx/operators/onnx__{name}.html");
        let opsets = if first == last { first.to_string() } else { format!("{first}–{last}") };
        let attributes: Vec<String> = row.attributes.iter().map(|it| format!("`{it}`")).collect();
        let cells = [row.formula, row.subgradient, row.refused, &attributes.join(", ")];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        writeln!(page, "| [{name}]({link}) | {opsets} | {} |", cells.join(" | ")).unwrap();
    }
    page
}

const INTRODUCTION: &str = "\
# Operators with a gradient

This page is generated from the table in `src/gradient/table.rs`. Change the table and run
`BLESS=1 cargo test --release`.

x̄ is the cotangent of x: the gradient of the score with respect to x. y is the operator's output.
If an operand was broadcast, its cotangent is summed over the broadcast axes. Weights and values
that are not floats get no gradient.

A layer cannot be explained if an operator between it and the logits is not listed, is of another
operator set, has an attribute that is not listed, or has a value that is listed as refused. The
error names the operator, the node and the attribute.

| operator | opsets | gradient | where there is no derivative | refused | attributes |
|---|---|---|---|---|---|
";
