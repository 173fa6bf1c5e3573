//! A program whose log cannot be written: it serves requests as usual, and its readiness reports the problem. Shared by the tests of
//! several programs.

use std::fs::File;
use std::io::{Read, Write, pipe};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::environment::{Folder, free_port};

const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Program {
    child: Child,
    port: u16,
    _folder: Folder,
}

impl Program {
    pub(crate) fn start(name: &str, path: &str, flags: &[&str], log: Stdio) -> Self {
        let folder = Folder::new(&format!("lost-log-{name}"));
        let port = free_port();
        let child = Command::new(path)
            .args(flags)
            .args(["--namespace=harbor", &format!("--listen=127.0.0.1:{port}")])
            .env_clear()
            .env("KUBECONFIG", folder.0.join("kubeconfig"))
            .env("CONVENE_WEB_DIR", &folder.0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, port, _folder: folder }
    }

    /// The response with status line and headers; empty if there is none.
    pub(crate) fn get(&self, path: &str) -> String {
        let request = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut response = String::new();
            stream.read_to_string(&mut response)?;
            Ok(response)
        };
        request().unwrap_or_default()
    }

    pub(crate) fn until(&mut self, path: &str, status: &str, part: &str) {
        let start = Instant::now();
        loop {
            let answer = self.get(path);
            if answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(part) {
                return;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "the program has exited");
            assert!(start.elapsed() < TIMEOUT, "{path} says {answer}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A full disk, and a pipe without a reader.
pub(crate) fn logs() -> [(&'static str, Stdio); 2] {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    [("full", File::options().write(true).open("/dev/full").unwrap().into()), ("closed", writer.into())]
}
