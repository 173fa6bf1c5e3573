//! The built web app: its page, kept in memory, and its folder.

use std::io;
use std::path::{Path, PathBuf};

use axum::http::HeaderValue;
use hyper::body::Bytes;
use thiserror::Error;
use tower_http::services::ServeDir;

/// The directory is not a built web app.
#[derive(Debug, Error)]
#[error("could not read {path:?}; --web-dir must name the directory of the built web app")]
pub struct WebFilesError {
    path: PathBuf,
    source: io::Error,
}

/// The built web app.
#[derive(Clone, Debug)]
pub(crate) struct WebFiles {
    pub(crate) index: Bytes,
    /// Entity tag; changes with the page.
    pub(crate) tag: HeaderValue,
    pub(crate) files: ServeDir,
}

impl WebFiles {
    /// Reads the page of the app; other files are read on request.
    pub(crate) fn load(folder: &Path) -> Result<Self, WebFilesError> {
        let path = folder.join("index.html");
        let index = std::fs::read(&path).map_err(|source| WebFilesError { path, source })?;
        let tag = HeaderValue::try_from(format!("\"{:08x}-{:x}\"", crc32fast::hash(&index), index.len()))
            .expect("quotes and hexadecimal digits are valid in a header");
        Ok(Self { index: index.into(), tag, files: ServeDir::new(folder).append_index_html_on_directories(false) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_the_app_is_refused_by_name() {
        let error = WebFiles::load(Path::new("/nowhere")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/index.html"), "{error}");
        assert!(error.to_string().contains("--web-dir"), "{error}");
    }
}
