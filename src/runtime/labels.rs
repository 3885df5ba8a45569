use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a class is called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ClassName {
    /// An identifier such as a WordNet id, where the label file gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The label that people read.
    pub label: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LabelEntry {
    Label(String),
    Pair(String, String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Keyed(BTreeMap<String, LabelEntry>),
    List(Vec<LabelEntry>),
}

/// Reads a label file. A `.txt` file has one label on each line. Any other file is JSON:
/// `{"0": ["n01440764", "tench"], …}`, `{"0": "cat", …}`, or a list of either kind of entry.
///
/// # Errors
/// A message that says what is wrong.
pub(super) fn read_labels(file_name: &str, text: &str) -> Result<Vec<ClassName>, String> {
    if file_name.ends_with(".txt") {
        let lines = text.lines().map(str::trim_end);
        return Ok(lines.map(|label| ClassName { id: None, label: label.to_owned() }).collect());
    }
    let expected = "expected {\"0\": [\"id\", \"label\"], …}, {\"0\": \"label\", …} or a list";
    let file: File = serde_json::from_str(text).map_err(|error| format!("{expected}: {error}"))?;
    match file {
        File::List(entries) => Ok(entries.into_iter().map(name).collect()),
        File::Keyed(entries) => keyed(entries),
    }
}

fn keyed(entries: BTreeMap<String, LabelEntry>) -> Result<Vec<ClassName>, String> {
    let count = entries.len();
    let mut names = vec![ClassName::default(); count];
    for (key, entry) in entries {
        let slot = key.parse::<usize>().ok().and_then(|index| names.get_mut(index));
        *slot.ok_or_else(|| format!("key {key:?} is not one of the {count} indices from 0"))? =
            name(entry);
    }
    Ok(names)
}

fn name(entry: LabelEntry) -> ClassName {
    match entry {
        LabelEntry::Label(label) => ClassName { id: None, label },
        LabelEntry::Pair(id, label) => ClassName { id: Some(id), label },
    }
}
