//! The environment of a program that a test runs as a separate process: a folder with its files, and its output. Shared by the tests of
//! several programs.

use std::io::Read;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// A cluster that does not respond: the programs keep retrying and log each failure.
const KUBECONFIG: &str = r#"{"apiVersion": "v1", "kind": "Config", "current-context": "pier",
    "clusters": [{"name": "pier", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "pier", "user": {}}],
    "contexts": [{"name": "pier", "context": {"cluster": "pier", "user": "pier"}}]}"#;

/// A folder with a web app and a `kubeconfig`, removed when dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    /// The name must be unique in this process.
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("convene-program-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("index.html"), "<!doctype html>").unwrap();
        std::fs::write(path.join("kubeconfig"), KUBECONFIG).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A free port for a program to listen on. It is below those that the kernel gives to connections and to listeners on port 0: of these,
/// another test could get it before the program does.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Several programs with tests may run at once.
        let number = std::process::id() * 100 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + u16::try_from(number % 10_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// What a stream has contained so far. It is read to its end.
pub(crate) fn collect(mut stream: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let log = Arc::<Mutex<String>>::default();
    let written = Arc::clone(&log);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            written.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    });
    log
}
