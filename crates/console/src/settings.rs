//! The settings of the server: values, sources, and what differs from the defaults. Secrets are hidden.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use config::{Line, SettingSource, TABLE};
use maud::{Markup, html};
use serde::Deserialize;

use crate::Console;
use crate::layout::{Page, muted};
use crate::operator::Operator;

/// The query of the page.
#[derive(Deserialize)]
pub(crate) struct Shown {
    /// `changed` for the settings that differ from their defaults.
    #[serde(default)]
    show: String,
}

/// The page.
pub(crate) async fn page(State(console): State<Arc<Console>>, operator: Operator, Query(shown): Query<Shown>) -> Response {
    let only_changed = shown.show == "changed";
    let changed = console.settings.iter().filter(|line| is_changed(line)).count();
    let current = |is_this: bool| is_this.then_some("true");
    let content = html! {
        div.bar {
            p.lead { (changed) " of " (console.settings.len()) " settings differ from their defaults. The settings are read at the start of the server." }
            p.choice {
                a href="/console/settings" aria-current=[current(!only_changed)] { "All" }
                a href="/console/settings?show=changed" aria-current=[current(only_changed)] { "Changed" }
            }
        }
        @for section in TABLE {
            @let lines: Vec<&Line> = console.settings.iter().filter(|line| line.setting.section == section.name && (!only_changed || is_changed(line))).collect();
            @if !lines.is_empty() { (table(section.name, section.about.trim(), &lines)) }
        }
        @if only_changed && changed == 0 { p.empty { "Every setting has its default." } }
    };
    Page { title: "Settings", section: "/console/settings", content }.render(&console, &operator)
}

/// Whether a setting differs from its default.
fn is_changed(line: &Line) -> bool {
    line.source != SettingSource::Default && (line.setting.hidden || line.value != line.default)
}

fn table(section: &str, about: &str, lines: &[&Line]) -> Markup {
    let id = format!("settings-{section}");
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby=(id) {
            table.settings {
                caption id=(id) { strong { (section) } " " (about) }
                thead { tr { th scope="col" { "Setting" } th scope="col" { "Value" } th scope="col" { "Source" } th scope="col" { "Default" } } }
                tbody { @for line in lines { (row(line)) } }
            }
        }
    }
}

fn row(line: &Line) -> Markup {
    let value = |text: &str| html! { @if text.is_empty() { (muted("not set")) } @else { code { (text) } } };
    html! {
        tr.changed[is_changed(line)] {
            th scope="row" { code { (line.setting.env) } p.hint { (line.setting.sentence.trim()) } }
            td { (value(&line.value)) @if is_changed(line) { " " span.badge { "changed" } } }
            td { (source(line.source)) }
            td { (value(if line.setting.hidden { "" } else { &line.default })) }
        }
    }
}

fn source(source: SettingSource) -> &'static str {
    match source {
        SettingSource::Default => "default",
        SettingSource::File => "file",
        SettingSource::Dotenv => "file .env",
        SettingSource::Environment => "environment",
    }
}
