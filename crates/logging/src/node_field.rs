//! The id of the node on each line of the log, so that the logs of all nodes can be gathered in one place.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Lines of text, each behind `node_id=`.
pub struct TextWithNode<F> {
    format: F,
    prefix: String,
}

impl<F> TextWithNode<F> {
    pub fn new(format: F, node: &str) -> Self {
        Self { format, prefix: format!("node_id={node} ") }
    }
}

impl<S, N, F> FormatEvent<S, N> for TextWithNode<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        writer.write_str(&self.prefix)?;
        self.format.format_event(context, writer, event)
    }
}

/// Lines of JSON, each an object whose first field is `node_id`.
pub struct JsonWithNode<F> {
    format: F,
    start: String,
}

impl<F> JsonWithNode<F> {
    /// `node`: letters, digits and punctuation that JSON does not escape.
    pub fn new(format: F, node: &str) -> Self {
        Self { format, start: format!("{{\"node_id\":\"{node}\",") }
    }
}

impl<S, N, F> FormatEvent<S, N> for JsonWithNode<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.format.format_event(context, Writer::new(&mut line), event)?;
        match line.strip_prefix('{') {
            Some(fields) => write!(writer, "{}{fields}", self.start),
            None => writer.write_str(&line),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;

    /// The line that a subscriber of the given kind writes.
    fn line<S: Subscriber + Send + Sync>(subscriber: impl FnOnce(Arc<io::PipeWriter>) -> S) -> String {
        let (mut reader, writer) = io::pipe().unwrap();
        tracing::subscriber::with_default(subscriber(Arc::new(writer)), || tracing::warn!(node = "web-2", "a node is down"));
        io::read_to_string(&mut reader).unwrap()
    }

    #[test]
    fn each_line_names_the_node() {
        let text = line(|writer| {
            let log = tracing_subscriber::fmt().with_ansi(false).with_writer(writer);
            log.map_event_format(|format| TextWithNode::new(format, "web-1")).finish()
        });
        assert!(text.starts_with("node_id=web-1 20") && text.ends_with("a node is down node=\"web-2\"\n"), "{text}");
        let json = line(|writer| {
            let log = tracing_subscriber::fmt().json().flatten_event(true).with_writer(writer);
            log.map_event_format(|format| JsonWithNode::new(format, "web-1")).finish()
        });
        assert!(json.starts_with("{\"node_id\":\"web-1\",\"timestamp\":\"20") && json.contains("\"node\":\"web-2\""), "{json}");
        assert_eq!(json.lines().count(), 1);
    }
}
