//! The refusals of the server by code, over the last 15 minutes and since the start.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use crate::layout::{Page, update_switch};
use crate::operator::Operator;
use crate::samples::{REFUSALS, Sample};
use crate::{Console, format};

/// The number of bars in the picture of a code.
const BARS: usize = 30;

/// The height of the picture, and the width of a bar with the gap after it.
const HEIGHT: usize = 24;
const BAR_WIDTH: usize = 4;

/// The refusals with one code.
struct Refusals {
    code: &'static str,
    /// The number since the start, for each place of [`REFUSALS`].
    since_start: [u64; REFUSALS.len()],
    /// The number in each part of the last 15 minutes, the oldest part first.
    bars: [u64; BARS],
}

impl Refusals {
    fn total(&self) -> u64 {
        self.since_start.iter().sum()
    }

    fn recent(&self) -> u64 {
        self.bars.iter().sum()
    }
}

/// The page.
pub(crate) async fn page(State(console): State<Arc<Console>>, operator: Operator) -> Response {
    let refusals = by_code(&console.samples.all());
    let content = html! {
        div.bar { p.lead { "Requests and connections that the server refused, by error code." } (update_switch()) }
        div #refusals hx-get="/console/errors" hx-select="#refusals" hx-swap="outerHTML" hx-trigger="every 5s" {
            @if refusals.is_empty() { p.empty { "The server has refused nothing since its start." } } @else { (table(&console, &refusals)) }
        }
    };
    Page { title: "Errors", section: "/console/errors", content }.render(&console, &operator)
}

fn table(console: &Console, refusals: &[Refusals]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby="refusals-caption" {
            table {
                caption #refusals-caption { "Refusals by code. The bars show the last 15 minutes, half a minute each." }
                thead { tr {
                    th scope="col" { "Code" } th scope="col" { "Meaning" } th.number scope="col" { "15 min" } th scope="col" { "Over time" }
                    th.number scope="col" { "Since the start" } th scope="col" { "Where" }
                } }
                tbody { @for refused in refusals { (row(console, refused)) } }
            }
        }
    }
}

fn row(console: &Console, refused: &Refusals) -> Markup {
    let places = REFUSALS.iter().zip(refused.since_start).filter(|(_, count)| *count > 0);
    html! {
        tr {
            th scope="row" { code { (refused.code) } }
            td.wide { (with_code((console.deps.meaning_of)(refused.code).unwrap_or_default())) }
            td.number { (format::count(refused.recent())) }
            td { (bars(refused)) }
            td.number { (format::count(refused.total())) }
            td { ul.plain { @for ((_, place), count) in places { li { (place) ": " (format::count(count)) } } } }
        }
    }
}

/// A text in which the parts between backticks are code.
fn with_code(text: &str) -> Markup {
    html! { @for (index, part) in text.split('`').enumerate() { @if index % 2 == 1 { code { (part) } } @else { (part) } } }
}

/// A picture of the last 15 minutes. The highest bar has the full height.
fn bars(refused: &Refusals) -> Markup {
    let most = refused.bars.iter().copied().max().unwrap_or(0).max(1);
    let width = BARS * BAR_WIDTH;
    html! {
        svg.bars viewBox=(format!("0 0 {width} {HEIGHT}")) width=(width) height=(HEIGHT) role="img"
            aria-label=(format!("{} in 15 minutes, at most {} in half a minute", refused.recent(), most)) {
            rect.base x="0" y=(HEIGHT - 1) width=(width) height="1" {}
            @for (index, count) in refused.bars.iter().enumerate().filter(|(_, count)| **count > 0) {
                @let height = (*count as f64 / most as f64 * HEIGHT as f64).ceil().max(2.0) as usize;
                rect x=(index * BAR_WIDTH) y=(HEIGHT - height) width=(BAR_WIDTH - 1) height=(height) {}
            }
        }
    }
}

/// The refusals of each code, the most recent ones first.
fn by_code(samples: &[Sample]) -> Vec<Refusals> {
    let Some(last) = samples.last() else { return Vec::new() };
    let mut by_code: BTreeMap<&'static str, Refusals> = BTreeMap::new();
    for ((place, code), count) in &last.refused {
        let refused = by_code.entry(code).or_insert_with(|| Refusals { code, since_start: [0; REFUSALS.len()], bars: [0; BARS] });
        refused.since_start[*place] += count;
    }
    for (earlier, now) in samples.iter().zip(samples.iter().skip(1)) {
        let age = (last.at - now.at).max(0) as usize;
        let part = age / (15 * 60 / BARS);
        let Some(bar) = (BARS - 1).checked_sub(part) else { continue };
        for (key, count) in &now.refused {
            let before = earlier.refused.get(key).copied().unwrap_or(0);
            if let Some(refused) = by_code.get_mut(key.1) {
                refused.bars[bar] += count.saturating_sub(before);
            }
        }
    }
    let mut refusals: Vec<Refusals> = by_code.into_values().filter(|refused| refused.total() > 0).collect();
    refusals.sort_by_key(|refused| std::cmp::Reverse((refused.recent(), refused.total())));
    refusals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: i64, refused: &[((usize, &'static str), u64)]) -> Sample {
        Sample { at, refused: refused.iter().copied().collect(), ..Sample::default() }
    }

    #[test]
    fn codes_have_their_counts_by_time_and_by_place() {
        let samples = [
            sample(0, &[((2, "invalid"), 100)]),
            sample(5, &[((2, "invalid"), 100), ((1, "token_missing"), 1)]),
            sample(600, &[((2, "invalid"), 103), ((3, "invalid"), 2), ((1, "token_missing"), 1)]),
            sample(605, &[((2, "invalid"), 104), ((3, "invalid"), 2), ((1, "token_missing"), 1)]),
        ];
        let refusals = by_code(&samples);
        let read: Vec<_> = refusals.iter().map(|refused| (refused.code, refused.recent(), refused.since_start)).collect();
        assert_eq!(read, [("invalid", 6, [0, 0, 104, 2]), ("token_missing", 1, [0, 1, 0, 0])]);
        assert_eq!(refusals[0].bars[BARS - 1], 6);
        assert_eq!(refusals[1].bars[BARS - 1 - 20], 1);
    }

    #[test]
    fn server_without_refusals_has_no_codes() {
        assert!(by_code(&[]).is_empty());
        assert!(by_code(&[sample(0, &[((2, "invalid"), 0)])]).is_empty());
    }
}
