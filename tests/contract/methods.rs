use convscope::attribution::{METHODS, Resolution};

/// The rows of the README's table of methods: name, title, address of the paper, resolution.
fn documented() -> Vec<[String; 4]> {
    let readme = include_str!("../../README.md");
    let table = readme.split("\n| method ").nth(1).expect("the README has a table of methods");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<&str> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let paper = cells[3].split_once("](").map_or("", |(_, rest)| rest.trim_end_matches(')'));
        [cells[1], cells[2], paper, cells[4]].map(str::to_owned)
    })
    .collect()
}

#[test]
fn the_readme_lists_every_method_in_the_order_of_the_table() {
    let declared = METHODS.iter().map(|method| {
        let resolution = match method.resolution {
            Resolution::Layer => "layer",
            Resolution::Input => "input",
            Resolution::Tokens => "tokens",
        };
        [method.name, method.title, method.paper, resolution].map(str::to_owned)
    });
    assert_eq!(documented(), declared.collect::<Vec<_>>());
}

#[test]
fn the_page_of_methods_has_every_method_with_its_formula() {
    let page = include_str!("../../docs/methods.md");
    let sections: Vec<&str> = page.split("\n## `").skip(1).collect();
    assert_eq!(sections.len(), METHODS.len());
    for (section, method) in sections.iter().zip(METHODS) {
        let (name, text) = section.split_once("`\n").unwrap();
        assert_eq!(name, method.name);
        assert!(text.contains(&format!("{}. [Source]({})", method.title, method.paper)), "{name}");
        assert!(text.contains(&format!("\n    {}\n", method.formula)), "{name}: formula");
        let says_so = text.replace('\n', " ").contains("does not, or hardly, depend on the class");
        assert_eq!(says_so, !method.class_sensitive, "{name}");
        for part in ["\n- Cost: ", "\n- Use it if: ", "\n- Not if: "] {
            assert!(text.contains(part), "{name}: {part}");
        }
    }
}
