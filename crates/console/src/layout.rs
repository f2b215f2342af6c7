//! What all pages share: the frame, the links, and the parts of which pages consist.

use axum::response::{IntoResponse, Response};
use domain::error::DomainError;
use http::StatusCode;
use maud::{DOCTYPE, Markup, html};

use crate::operator::{CSRF_FIELD, Operator};
use crate::{Console, assets};

/// The pages, with their paths.
const PAGES: [(&str, &str); 6] = [
    ("Overview", "/console"),
    ("Users", "/console/users"),
    ("Connections", "/console/connections"),
    ("Rooms", "/console/rooms"),
    ("Errors", "/console/errors"),
    ("Settings", "/console/settings"),
];

/// The settings of htmx: it adds no inline style, runs no code of attributes, and stores no page in the browser.
const HTMX: &str =
    r#"{"includeIndicatorStyles":false,"allowEval":false,"allowScriptTags":false,"historyCacheSize":0,"historyEnabled":false}"#;

/// A page of the console.
pub(crate) struct Page<'a> {
    /// The title, which is also the heading.
    pub title: &'a str,
    /// The path of the entry of [`PAGES`] that leads to it.
    pub section: &'a str,
    pub content: Markup,
}

impl Page<'_> {
    /// The page in its frame.
    pub fn render(self, console: &Console, operator: &Operator) -> Response {
        self.with_status(console, operator, StatusCode::OK)
    }

    fn with_status(self, console: &Console, operator: &Operator, status: StatusCode) -> Response {
        let body = html! {
            a.skip href="#content" { "Skip to the content" }
            header.top {
                p.brand { a href="/console" { "Roomcast" } @if let Some(node) = &console.node { " " span.node { (node) } } }
                nav aria-label="Pages" {
                    @for (name, path) in PAGES {
                        a href=(path) aria-current=[(path == self.section).then_some("page")] { (name) }
                    }
                }
                form.sign-out method="post" action="/console/sign-out" {
                    (csrf(operator))
                    span { (operator.name) }
                    button.quiet type="submit" { "Sign out" }
                }
            }
            main #content tabindex="-1" {
                h1 { (self.title) }
                (self.content)
            }
        };
        (status, document(&format!("{} · Roomcast", self.title), &body, true)).into_response()
    }
}

/// A page that names a problem, for an operator.
pub(crate) fn problem(console: &Console, operator: &Operator, status: StatusCode, title: &str, text: &str) -> Response {
    Page { title, section: "", content: html! { p { (text) } } }.with_status(console, operator, status)
}

/// The page for a shard that does not respond.
pub(crate) fn not_responding(console: &Console, operator: &Operator) -> Response {
    let text = "A part of the server does not respond. Reload the page in a few seconds.";
    problem(console, operator, StatusCode::SERVICE_UNAVAILABLE, "The server does not respond", text)
}

/// The page for a query that failed.
pub(crate) fn database_problem(console: &Console, operator: &Operator, error: &DomainError) -> Response {
    problem(console, operator, StatusCode::SERVICE_UNAVAILABLE, "The database does not respond", &error.to_string())
}

/// A page for a browser that has not signed in.
pub(crate) fn outside(title: &str, content: &Markup) -> Markup {
    document(&format!("{title} · Roomcast"), &html! { main.outside { (content) } }, false)
}

/// A page that has only a text.
pub(crate) fn bare(title: &str, text: &str) -> Markup {
    outside(title, &html! { h1 { (title) } p { (text) } })
}

/// A page that leads to another one at once.
pub(crate) fn forward(title: &str, path: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="refresh" content=(format!("0;url={path}"));
                link rel="icon" href="data:,";
                title { (title) }
            }
            body { p { a href=(path) { "Continue" } } }
        }
    }
}

fn document(title: &str, body: &Markup, has_scripts: bool) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="htmx-config" content=(HTMX);
                title { (title) }
                link rel="icon" href="data:,";
                @if has_scripts { link rel="stylesheet" href=(assets::address("uplot-1.6.32.css")); }
                link rel="stylesheet" href=(assets::address("console.css"));
                @if has_scripts {
                    @for name in ["htmx-2.0.11.js", "uplot-1.6.32.js", "console.js"] { script defer src=(assets::address(name)) {} }
                }
            }
            body { (body) }
        }
    }
}

/// The field of a form that has the CSRF token.
pub(crate) fn csrf(operator: &Operator) -> Markup {
    html! { input type="hidden" name=(CSRF_FIELD) value=(operator.csrf); }
}

/// The switch that stops the updates of a page, which its script reads.
pub(crate) fn update_switch() -> Markup {
    html! { label.switch { input #updates type="checkbox" checked; " Update every 5 s" } }
}

/// A number with its name and a note.
pub(crate) fn tile(name: &str, value: &str, note: &str) -> Markup {
    html! { div.tile { dt { (name) } dd { span.value { (value) } @if !note.is_empty() { span.note { (note) } } } } }
}

/// A value that is small and gray, such as an absent one.
pub(crate) fn muted(text: &str) -> Markup {
    html! { span.muted { (text) } }
}
