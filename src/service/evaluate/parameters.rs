//! The parameters of `POST /evaluate`.

use std::sync::LazyLock;

use crate::attribution::{METHODS, Method, MethodParameter};
use crate::config::Parameter;
use crate::evaluation::{FIGURES, Figure};
use crate::service::explain::{LAYER, common, method, of_methods};
use crate::service::{MODEL, PRESET};

/// The seed of requests that name none.
pub(super) const DEFAULT_SEED: usize = 0;

/// The word that stands for every figure.
pub(super) const ALL: &str = "all";

/// The names of all figures, as usage lines show them.
static FIGURE_NAMES: LazyLock<String> = LazyLock::new(|| {
    let names = FIGURES.iter().map(|figure| figure.name).chain([ALL]);
    names.collect::<Vec<_>>().join("|")
});

/// The parameters that all figures share.
fn shared() -> [Parameter; 3] {
    [
        Parameter {
            name: "figure",
            value: &FIGURE_NAMES,
            help: "figure to compute; repeatable; all are every figure (default: those that need \
                   no further maps)",
            repeatable: true,
        },
        Parameter {
            name: "box",
            value: "LEFT,TOP,WIDTH,HEIGHT",
            help: "where the object is, in pixels of the picture, for energy and pointing_game",
            repeatable: false,
        },
        Parameter {
            name: "seed",
            value: "0..=4294967295",
            help: "start of the random numbers; the same seed gives the same answer (default: 0)",
            repeatable: false,
        },
    ]
}

/// The texts of a figure's parameters.
static OF_FIGURES: LazyLock<Vec<(&'static MethodParameter, String, String)>> =
    LazyLock::new(|| {
        let mut texts: Vec<(&MethodParameter, String, String)> = Vec::new();
        for row in FIGURES.iter().flat_map(|figure| figure.parameters) {
            if texts.iter().all(|(known, ..)| known.name() != row.name()) {
                let default = row.default().map(|default| format!(" (default: {default})"));
                let help = format!("{}{}", row.help(), default.unwrap_or_default());
                texts.push((row, row.values(), help));
            }
        }
        texts
    });

/// The parameters of a request for these methods and figures.
pub(super) fn table(methods: &[&'static Method], figures: &[&'static Figure]) -> Vec<Parameter> {
    let mut table = vec![MODEL, PRESET, method()];
    if methods.iter().any(|method| method.reads_layer()) {
        table.extend(common(&[LAYER, "fuse"]));
    }
    table.extend(common(&["class", "top", "score"]));
    table.extend(shared());
    let is_new = |table: &[Parameter], name| table.iter().all(|known| known.name != name);
    for row in of_methods(methods) {
        if is_new(&table, row.name) {
            table.push(row);
        }
    }
    let own =
        |name| figures.iter().flat_map(|figure| figure.parameters).any(|it| it.name() == name);
    let rows = OF_FIGURES.iter().filter(|(row, ..)| own(row.name()));
    table.extend(rows.map(|(row, value, help)| Parameter {
        name: row.name(),
        value,
        help,
        repeatable: false,
    }));
    table
}

/// Every parameter of every method and figure.
pub(super) fn all() -> &'static [Parameter] {
    static TABLE: LazyLock<Vec<Parameter>> = LazyLock::new(|| {
        table(&METHODS.iter().collect::<Vec<_>>(), &FIGURES.iter().collect::<Vec<_>>())
    });
    &TABLE
}
