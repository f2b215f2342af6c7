//! The page of the metrics.

use api::metrics::MetricFamily;
use auth::Keys;
use config::Config;

use super::{code, head, table};
use crate::app::{App, open_database};

const INTRODUCTION: &str = "\
`GET /metrics` returns these metrics in the text format of OpenMetrics.
The names on the page begin with `roomcast_`, and the encoder adds `_total` to the names of counters.
[Health and metrics](../operations/health-and-metrics.md) describes which ones to watch.";

pub(super) fn page() -> anyhow::Result<String> {
    let families = families()?;
    Ok(head("Metrics", INTRODUCTION) + "\n" + &table(["name", "type", "label", "meaning"], families.iter().map(row)))
}

fn row(family: &MetricFamily) -> [String; 4] {
    let suffix = if family.kind == "counter" { "_total" } else { "" };
    [code(&format!("roomcast_{}{suffix}", family.name)), family.kind.to_owned(), code(family.label), family.help.clone()]
}

/// The families of a server that serves nothing and stores its data in memory.
fn families() -> anyhow::Result<Vec<MetricFamily>> {
    let config = Config::of_pairs([("DATABASE_URL", "sqlite::memory:"), ("WEBSOCKET_ENABLED", "false")])?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let app = App::start(&config, &Keys::load(&config)?, &open_database(&config)?).await?;
        let families = app.metric_families().await;
        app.close();
        families.ok_or_else(|| anyhow::anyhow!("the shards do not respond"))
    })
}
