use std::collections::BTreeSet;

/// Flag, variable, default.
type Row = [String; 3];

/// The rows of the README's table of flags.
fn documented() -> BTreeSet<Row> {
    let readme = include_str!("../../README.md");
    let rows = readme.lines().filter(|line| line.starts_with("| `--"));
    rows.map(|line| {
        let cells: Vec<&str> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        [cells[1].to_owned(), cells[2].to_owned(), cells[3].to_owned()]
    })
    .collect()
}

/// The flags of `convscope serve`.
fn declared() -> BTreeSet<Row> {
    let command = convscope::cli::command();
    let serve = command.find_subcommand("serve").unwrap();
    let flags = serve.get_arguments().filter_map(|argument| {
        let flag = format!("--{}", argument.get_long()?);
        let variable = argument.get_env().map(|it| it.to_string_lossy().into_owned());
        let default = match argument.get_default_values() {
            _ if !argument.get_action().takes_values() => "off".to_owned(),
            [value] => value.to_string_lossy().into_owned(),
            _ => prose_default(&argument.get_help().unwrap().to_string()),
        };
        Some([flag, variable.unwrap_or_default(), default])
    });
    flags.collect()
}

/// The default that a help text gives in words, as in `[default: one a core]`.
fn prose_default(help: &str) -> String {
    let default = help.split_once("[default: ").and_then(|(_, rest)| rest.split(']').next());
    default.unwrap_or_default().to_owned()
}

#[test]
fn the_readme_lists_every_flag_with_variable_and_default() {
    assert_eq!(documented(), declared());
}

#[test]
fn every_flag_has_a_variable_of_the_same_name() {
    for [flag, variable, _] in declared() {
        let name = flag.trim_start_matches('-').to_uppercase().replace('-', "_");
        assert_eq!(variable, format!("CONVSCOPE_{name}"));
    }
}
