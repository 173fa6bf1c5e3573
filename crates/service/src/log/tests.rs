use std::io::ErrorKind;
use std::sync::Mutex;
use std::time::Instant;

use super::*;

const TIMEOUT: Duration = Duration::from_secs(20);

/// A sink whose failures the test controls while it is in use.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    written: Vec<u8>,
    /// Bytes that are accepted before the failure.
    room: usize,
    failure: Option<ErrorKind>,
}

impl Sink {
    fn fail(&self, failure: Option<ErrorKind>, room: usize) {
        let mut inner = self.0.lock().unwrap();
        (inner.failure, inner.room) = (failure, room);
    }

    fn written(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().written.clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut inner = self.0.lock().unwrap();
        match inner.failure {
            Some(failure) if inner.room == 0 => Err(failure.into()),
            Some(_) => {
                let count = text.len().min(inner.room);
                inner.room -= count;
                inner.written.extend_from_slice(&text[..count]);
                Ok(count)
            }
            None => {
                inner.written.extend_from_slice(text);
                Ok(text.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn start(sink: &Sink) -> (LogHealth, LineWriter) {
    let (health, shared) = LogHealth::start(sink.clone(), |lost| format!("{lost} lost\n").into_bytes());
    (health, LineWriter(shared))
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < TIMEOUT, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn lines_are_written_in_order_and_a_flush_waits_for_them() {
    let sink = Sink::default();
    let (health, mut line) = start(&sink);
    for number in 0..100 {
        line.write_all(format!("{number}\n").as_bytes()).unwrap();
    }
    health.flush(TIMEOUT);
    let mut expected = (0..100).map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
    expected.push('\n');
    assert_eq!((sink.written(), health.lost_lines(), health.problem()), (expected, 0, None));
    health.last_words("the end");
    assert!(sink.written().ends_with("99\nthe end\n"));
}

#[test]
fn lost_lines_are_counted_and_reported_when_writing_works_again() {
    for failure in [ErrorKind::StorageFull, ErrorKind::BrokenPipe] {
        let sink = Sink::default();
        sink.fail(Some(failure), 3);
        let (health, mut line) = start(&sink);
        line.write_all(b"first\n").unwrap();
        until("the failure is noticed", || health.is_failing());
        assert_eq!((health.lost_lines(), health.problem()), (1, Some(LOG_PROBLEM)));
        line.write_all(b"second\n").unwrap();
        until("later lines are lost too", || health.lost_lines() == 2);
        assert!(health.is_failing());
        sink.fail(None, 0);
        until("it recovers without being used", || !health.is_failing());
        line.write_all(b"third\n").unwrap();
        health.flush(TIMEOUT);
        assert_eq!((sink.written(), health.lost_lines()), ("fir\n2 lost\nthird\n".to_owned(), 2), "{failure:?}");
    }
}

#[test]
fn a_sink_that_blocks_does_not_block_logging() {
    let sink = Sink::default();
    let (health, mut line) = start(&sink);
    let held = sink.0.lock().unwrap();
    let start = Instant::now();
    let long = [vec![b'x'; 64 * 1024], vec![b'\n']].concat();
    for _ in 0..64 {
        line.write_all(&long).unwrap();
    }
    let at_least = 64 - 2 * (queue::MAX_BYTES / (64 * 1024)) as u64;
    assert!(health.lost_lines() >= at_least, "{} are lost", health.lost_lines());
    health.flush(Duration::from_millis(1));
    assert!(start.elapsed() < TIMEOUT);
    let later = || Instant::now() + pump::STUCK + Duration::from_secs(1);
    until("it counts as failing after a while", || line.0.is_failing(later()));
    drop(held);
    health.flush(TIMEOUT);
    until("it has recovered", || !health.is_failing());
    assert!(sink.written().ends_with('\n'));
}

#[test]
fn a_sink_that_is_temporarily_full_is_tried_again() {
    let sink = Sink::default();
    sink.fail(Some(ErrorKind::WouldBlock), 2);
    let (health, mut line) = start(&sink);
    line.write_all(b"line\n").unwrap();
    until("the first bytes are there", || sink.written() == "li");
    sink.fail(None, 0);
    health.flush(TIMEOUT);
    assert_eq!((sink.written().as_str(), health.lost_lines()), ("line\n", 0));
}

#[test]
fn the_notice_has_the_form_of_the_log() {
    let text = String::from_utf8(notice(LogFormat::Text, 7)).unwrap();
    assert!(text.ends_with("log lines could not be written lost=7\n"), "{text}");
    let json = String::from_utf8(notice(LogFormat::Json, 7)).unwrap();
    assert!(json.starts_with("{\"timestamp\":\"2") && json.contains("\"lost\":7"), "{json}");
    assert_eq!(json.lines().count(), 1);
}

#[test]
fn the_counter_is_a_metric() {
    let registry = prometheus::Registry::new();
    LogHealth::default().register(&registry).unwrap();
    assert_eq!(registry.gather()[0].name(), "convene_log_lines_lost_total");
    assert!(LogHealth::default().register(&registry).is_err(), "twice is a mistake");
}
