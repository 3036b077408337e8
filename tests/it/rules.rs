//! Each rule of `docs/design/semantics.md` has a test that carries its number, and no test carries another one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The number of a rule as names of tests have it: `07`, `10a`.
type Number = String;

/// The rules stand in the document as `**S7.**`, at the beginning of a paragraph.
fn rules(document: &str) -> Vec<Number> {
    let number = |line: &str| {
        let (number, _) = line.strip_prefix("**S")?.split_once(".**")?;
        Some(format!("{:0>1$}", number, 2 + usize::from(number.ends_with('a'))))
    };
    document.lines().filter_map(number).collect()
}

/// The numbers with which the name of a test begins: two of them in `s28_s29_a_mutex_does_so`.
fn numbers(name: &str) -> impl Iterator<Item = Number> + '_ {
    let number = |part: &str| {
        let number = part.strip_prefix('s')?;
        let digits = number.strip_suffix('a').unwrap_or(number);
        let is_number = digits.len() == 2 && digits.chars().all(|digit| digit.is_ascii_digit());
        is_number.then(|| number.to_owned())
    };
    name.split('_').map_while(number)
}

/// Adds the numbers that tests below a directory carry.
fn add_tests_below(directory: &Path, found: &mut BTreeSet<Number>) {
    for entry in fs::read_dir(directory).expect("a directory of sources can be read") {
        let path = entry.expect("an entry of it can be read").path();
        if path.is_dir() {
            add_tests_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("a source can be read");
            let mut is_test = false;
            for line in source.lines().map(str::trim) {
                is_test |= line == "#[test]";
                let Some((name, _)) = line.strip_prefix("fn ").and_then(|f| f.split_once('('))
                else {
                    continue;
                };
                if std::mem::take(&mut is_test) {
                    found.extend(numbers(name));
                }
            }
        }
    }
}

#[test]
fn every_rule_has_a_test_and_every_number_of_a_test_is_that_of_a_rule() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/design/semantics.md"));
    let rules = rules(&document.expect("the rules can be read"));
    let expected = (1..=42).flat_map(|number| {
        let own = format!("{number:02}");
        let more = (number == 10).then(|| "10a".to_owned());
        [own].into_iter().chain(more)
    });
    assert_eq!(rules, expected.collect::<Vec<_>>(), "the rules in their order");
    let mut tested = BTreeSet::new();
    add_tests_below(&root.join("tests"), &mut tested);
    add_tests_below(&root.join("src"), &mut tested);
    let rules: BTreeSet<_> = rules.into_iter().collect();
    let untested: Vec<_> = rules.difference(&tested).collect();
    let unknown: Vec<_> = tested.difference(&rules).collect();
    assert!(
        untested.is_empty() && unknown.is_empty(),
        "untested {untested:?}, unknown {unknown:?}"
    );
}
