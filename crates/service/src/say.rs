//! Output of a program on its terminal. It never ends the program, whereas `println!` and `eprintln!` panic when the reader has gone away.

use std::error::Error;
use std::io::{self, ErrorKind, Write};

/// Writes to standard output. A reader that has gone away is not an error; all other failures are.
pub fn out(text: &str) -> io::Result<()> {
    write_to(io::stdout().lock(), text)
}

/// Writes a line to standard error, for programs without a log. Failures are ignored: there is nowhere to report them.
pub fn err(line: &str) {
    let _ = write_to(io::stderr().lock(), &format!("{line}\n"));
}

fn write_to(mut sink: impl Write, text: &str) -> io::Result<()> {
    match sink.write_all(text.as_bytes()).and_then(|()| sink.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// The error and all of its causes in one line, separated by colons.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A writer that always fails with this error.
    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_gone_away_is_not_an_error_and_a_full_disk_is() {
        assert!(write_to(Broken(ErrorKind::BrokenPipe), "text").is_ok());
        let full = write_to(Broken(ErrorKind::StorageFull), "text").unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        let mut written = Vec::new();
        write_to(&mut written, "text").unwrap();
        assert_eq!(written, b"text");
    }

    #[derive(Debug)]
    struct Outer(io::Error);

    impl std::fmt::Display for Outer {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("could not listen")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn an_error_is_printed_with_its_causes() {
        assert_eq!(chain(&Outer(io::Error::other("the port is taken"))), "could not listen: the port is taken");
    }
}
