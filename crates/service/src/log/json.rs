//! Log lines as flat JSON objects: the fields of an event and of the spans around it side by side.
//!
//! Where names collide, the event wins over its spans, and an inner span over an outer one. Values are never nested.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// Writes events as the subscriber's own JSON format does, with flat fields of spans. Fields of spans must be formatted as JSON.
pub(super) struct FlatJson(Format<Json>);

impl Default for FlatJson {
    fn default() -> Self {
        let format = tracing_subscriber::fmt::format().json();
        Self(format.flatten_event(true).with_current_span(false).with_span_list(false))
    }
}

impl<S, N> FormatEvent<S, N> for FlatJson
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let spans = context.event_scope().into_iter().flatten();
        add(&mut line, spans.flat_map(|span| span_fields::<S, N>(&span)))?;
        writer.write_str(&line)
    }
}

/// The span's name as the field `span`, and its own fields.
fn span_fields<S, N>(span: &SpanRef<'_, S>) -> Map<String, Value>
where
    S: for<'lookup> LookupSpan<'lookup>,
    N: 'static,
{
    let extensions = span.extensions();
    let formatted = extensions.get::<FormattedFields<N>>();
    let mut fields: Map<_, _> =
        formatted.and_then(|fields| serde_json::from_str(&fields.fields).ok()).unwrap_or_default();
    fields.insert("span".to_owned(), span.name().into());
    fields
}

/// Adds `fields` to the JSON object in `line`, except those that it already has.
fn add(line: &mut String, fields: impl Iterator<Item = (String, Value)>) -> fmt::Result {
    let mut fields = fields.peekable();
    if fields.peek().is_none() {
        return Ok(());
    }
    // Losing the fields of spans is better than losing the line.
    let Ok(mut object) = serde_json::from_str::<Map<_, _>>(line) else { return Ok(()) };
    line.truncate(line.trim_end().len() - 1);
    for (name, value) in fields {
        if !object.contains_key(&name) {
            write!(line, ",{}:{value}", Value::from(name.as_str()))?;
            object.insert(name, value);
        }
    }
    line.push_str("}\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::json;
    use tracing_subscriber::fmt::format::JsonFields;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that `run` logs, without their time.
    fn log(run: impl FnOnce()) -> Vec<Value> {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = tracing_subscriber::fmt()
            .event_format(FlatJson::default())
            .fmt_fields(JsonFields::new())
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(subscriber.finish(), run);
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert!(text.ends_with('\n'));
        text.lines().map(without_time).collect()
    }

    fn without_time(line: &str) -> Value {
        let mut line: Value = serde_json::from_str(line).unwrap();
        assert!(line["timestamp"].take().is_string());
        line
    }

    const TARGET: &str = "convene_service::log::json::tests";

    #[test]
    fn fields_of_spans_stand_beside_those_of_the_event() {
        let lines = log(|| {
            let _outer = tracing::info_span!("pool", pool = "default", name = "outer", attempt = 1).entered();
            let inner = tracing::info_span!("meeting", name = "regatta", pod = tracing::field::Empty).entered();
            inner.record("pod", "default-1");
            tracing::warn!(attempt = 2, error = %"no \"pod\"", "not ready");
        });
        let expected = json!({
            "timestamp": null, "level": "WARN", "message": "not ready", "target": TARGET, "attempt": 2, "error": "no \"pod\"",
            "span": "meeting", "name": "regatta", "pod": "default-1", "pool": "default",
        });
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn a_line_without_spans_or_with_one_without_fields_is_an_object_too() {
        let lines = log(|| {
            tracing::info!("alone");
            tracing::info_span!("socket").in_scope(|| tracing::info!("inside"));
        });
        let alone = json!({"timestamp": null, "level": "INFO", "message": "alone", "target": TARGET});
        let inside =
            json!({"timestamp": null, "level": "INFO", "message": "inside", "target": TARGET, "span": "socket"});
        assert_eq!(lines, [alone, inside]);
    }
}
