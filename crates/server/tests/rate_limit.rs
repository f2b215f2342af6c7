//! `docs/operations/limits.md` has the values of the settings and of the code.

// A test that cannot continue has failed.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use config::TABLE;
use config::schema::Setting;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/operations/limits.md")).unwrap()
}

fn settings() -> impl Iterator<Item = &'static Setting> {
    TABLE.iter().flat_map(|section| section.settings)
}

/// The rows of the page's tables with these headings, each with its cells.
fn rows<const N: usize>(page: &str, headings: [&str; N]) -> Vec<[String; N]> {
    let mut rows = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        let Some(cells) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            inside = false;
            continue;
        };
        let cells: Vec<_> = cells.split('|').map(|cell| cell.trim().to_owned()).collect();
        if cells.iter().all(|cell| !cell.is_empty() && cell.bytes().all(|byte| byte == b'-')) {
            continue;
        }
        if cells == headings {
            inside = true;
        } else if inside {
            rows.push(cells.try_into().unwrap_or_else(|cells| panic!("{cells:?} has not the cells of its table")));
        }
    }
    rows
}

const OF_SETTINGS: [&str; 4] = ["Limit", "Default", "Setting", "Beyond it"];
const OF_CODE: [&str; 4] = ["Limit", "Default", "Beyond it", "In the code"];

#[test]
fn every_limit_setting_is_documented_with_its_default() {
    let rows = rows(&page(), OF_SETTINGS);
    let mut named = BTreeSet::new();
    for [limit, default, name, beyond] in &rows {
        let name = name.trim_matches('`');
        let setting = settings().find(|setting| setting.env == name).unwrap_or_else(|| panic!("{name} ({limit}) is no setting"));
        assert_eq!(default, setting.default, "{name}");
        assert!(!beyond.is_empty() || name.ends_with("_INTERVAL"), "what happens beyond {name}?");
        assert!(named.insert(setting.env), "{name} stands there twice");
    }
    let missing: Vec<_> = settings().filter(|setting| setting.bound && !named.contains(setting.env)).map(|setting| setting.env).collect();
    assert!(missing.is_empty(), "docs/operations/limits.md has no row for {missing:?}");
}

#[test]
fn every_documented_limit_equals_the_code() {
    let rows = rows(&page(), OF_CODE);
    assert!(rows.len() > 50, "{} rows", rows.len());
    for [limit, documented, _, location] in &rows {
        // A limit that is no constant of the code has no location.
        let Some((name, file)) = location.split_once(" in ") else {
            assert_eq!(location, "", "{limit}");
            continue;
        };
        let (name, file) = (name.trim_matches('`'), file.trim_matches('`'));
        let text = std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file} ({limit}): {error}"));
        let expression = constant(&text, name).unwrap_or_else(|| panic!("{file} has no constant {name} ({limit})"));
        let agree = match number_of(&expression, name) {
            Some(number) => number_in(documented) == Some(number),
            // A rate: its numbers in their order.
            None => numbers(&expression) == numbers(documented),
        };
        assert!(agree, "{limit}: the page says {documented}, and {file} has {name} = {expression}");
    }
}

#[test]
fn documented_limits_are_parsed_correctly() {
    assert_eq!(constant("/// x\npub(super) const A: u16 = 5;\n", "A").as_deref(), Some("5"));
    assert_eq!(constant("const AB: u16 = 5;\n", "A"), None);
    assert_eq!(constant("const A: Quota = Quota::a(1)\n    .b(2);", "A").as_deref(), Some("Quota::a(1) .b(2)"));
    for (expression, name, number) in [
        ("65_536", "A", Some(65_536)),
        ("16 * 1024", "A", Some(16_384)),
        ("64 << 20", "A", Some(64 << 20)),
        ("24 * 60 * 60", "A_SECONDS", Some(86_400_000)),
        ("24", "A_HOURS", Some(86_400_000)),
        ("Duration::from_secs(10)", "A", Some(10_000)),
        ("Duration::from_millis(100)", "A", Some(100)),
        ("Quota::per_minute(1)", "A", None),
    ] {
        assert_eq!(number_of(expression, name), number, "{expression}");
    }
    for (documented, number) in [("65,536", 65_536), ("16 KiB", 16_384), ("10 s", 10_000), ("24 h", 86_400_000), ("500 characters", 500)] {
        assert_eq!(number_in(documented), Some(number), "{documented}");
    }
    assert_eq!(numbers("Quota::per_second(NonZeroU32::new(20).x).allow_burst(NonZeroU32::new(1_00))"), [20, 100]);
    assert_eq!(numbers("20 a second, 1,000 at once"), [20, 1000]);
}

/// The expression of a constant in a file's text, on one line.
fn constant(text: &str, name: &str) -> Option<String> {
    let start = format!("const {name}: ");
    let behind = text.lines().scan(0, |at, line| {
        let begin = *at;
        *at += line.len() + 1;
        Some((begin, line))
    });
    let (begin, _) = behind.into_iter().find(|(_, line)| line.contains(&start))?;
    let (_, expression) = text[begin..].split_once(" = ")?;
    let (expression, _) = expression.split_once(';')?;
    Some(expression.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The value of a constant's expression, or the milliseconds of its duration. `None` if it is neither.
fn number_of(expression: &str, name: &str) -> Option<u64> {
    let inside = |start: &str| expression.strip_prefix(start).and_then(|rest| rest.strip_suffix(')'));
    if let Some(seconds) = inside("Duration::from_secs(") {
        return product(seconds).map(|seconds| seconds * 1000);
    }
    if let Some(milliseconds) = inside("Duration::from_millis(") {
        return product(milliseconds);
    }
    let number = match expression.split_once(" << ") {
        Some((number, bits)) => product(number)? << product(bits)?,
        None => product(expression)?,
    };
    Some(match name {
        name if name.ends_with("_SECONDS") => number * 1000,
        name if name.ends_with("_HOURS") => number * 3_600_000,
        _ => number,
    })
}

fn product(expression: &str) -> Option<u64> {
    expression.split(" * ").map(|factor| factor.replace('_', "").parse::<u64>().ok()).product()
}

/// The number in a cell of the page, or the milliseconds of its duration.
fn number_in(cell: &str) -> Option<u64> {
    let mut setting_names = cell.split(' ');
    let number: u64 = setting_names.next()?.replace(',', "").parse().ok()?;
    let factor = match setting_names.next() {
        Some("ms") => 1,
        Some("s") => 1000,
        Some("min") => 60_000,
        Some("h") => 3_600_000,
        Some("KiB") => 1024,
        Some("MiB") => 1024 * 1024,
        Some("KB") => 1000,
        Some("MB") => 1_000_000,
        _ => 1,
    };
    Some(number * factor)
}

/// The whole numbers of a text.
fn numbers(text: &str) -> Vec<u64> {
    let setting_names = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || ",_".contains(letter)));
    setting_names.filter_map(|setting_name| setting_name.replace(['_', ','], "").parse().ok()).collect()
}
