//! The page of the settings.

use config::TABLE;
use config::schema::{Section, Setting};

use super::{code, head, table};

const INTRODUCTION: &str = "\
Each setting has a name in the environment and a name in a section of the TOML file.
[Configuration](../operations/configuration.md) describes where the server reads settings from, and which ones you need.
[config.example.toml](../../config.example.toml) has the same settings as a file.

A duration is in seconds or has a unit (ms, s, m, h).
A size is in bytes or has a unit (KB, MB, KiB, MiB).
A setting without a default is unset.";

pub(super) fn page() -> String {
    TABLE.iter().fold(head("Settings", INTRODUCTION), |text, section| text + &section_text(section))
}

fn section_text(section: &Section) -> String {
    let headings = ["environment", "file", "default", "range", "description"];
    format!("\n## \\[{}\\]\n\n{}\n\n{}", section.name, section.about.trim(), table(headings, section.settings.iter().map(row)))
}

fn row(setting: &Setting) -> [String; 5] {
    let range = setting.range.map(|(low, high)| format!("{low} to {high}")).unwrap_or_default();
    [code(setting.env), code(setting.key), code(setting.default), range, setting.sentence.trim().to_owned()]
}
