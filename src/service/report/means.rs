use super::picture::PictureReport;
use crate::service::evaluate::{Cell, ReportMap};

/// The mean of each figure of each map over all pictures and classes, where it is defined.
pub(super) fn means(pictures: &[PictureReport]) -> Vec<ReportMap> {
    let mut titles: Vec<(&str, bool)> = Vec::new();
    let maps = || pictures.iter().flat_map(|it| &it.classes).flat_map(|class| &class.maps);
    for map in maps() {
        if titles.iter().all(|(title, _)| *title != map.title) {
            titles.push((&map.title, map.is_control));
        }
    }
    let mean = |title: &str, index: usize| {
        let of_title = maps().filter(|map| map.title == title);
        let values = of_title.filter_map(|map| map.cells.get(index)?.value);
        let (sum, count) = values.fold((0.0, 0), |(sum, count), it| (sum + it, count + 1));
        Cell::of((count > 0).then(|| sum / f64::from(count)), "")
    };
    let figures = maps().map(|map| map.cells.len()).max().unwrap_or(0);
    let row = |(title, is_control): (&str, bool)| ReportMap {
        title: title.to_owned(),
        is_control,
        cells: (0..figures).map(|index| mean(title, index)).collect(),
    };
    titles.into_iter().map(row).collect()
}
