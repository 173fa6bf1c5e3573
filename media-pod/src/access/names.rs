//! Canonical meeting names, so that all spellings of a name lead to one room: upper case, composed or decomposed letters, a trailing slash.
//! Pure.

use axum::http::Uri;
use convene_protocol::text::clean_line;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Characters that are encoded in a path.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The canonical form of a name.
pub(crate) fn canonical_name(name: &str) -> String {
    clean_line(&clean_line(name).to_lowercase())
}

/// The canonical page of the meeting that `uri` names; `None` if `uri` is already canonical or names no meeting.
pub(crate) fn canonical_page(uri: &Uri) -> Option<String> {
    let parts: Vec<&str> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
    let (first, names) = parts.split_first()?;
    if !first.eq_ignore_ascii_case("m") || !matches!(names.len(), 1 | 2) {
        return None;
    }
    let names: Vec<String> = names.iter().map(|name| encoded(name)).collect::<Option<_>>()?;
    let path = format!("/m/{}", names.join("/"));
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    (path != uri.path()).then(|| format!("{path}{query}"))
}

fn encoded(part: &str) -> Option<String> {
    let name = canonical_name(&percent_decode_str(part).decode_utf8().ok()?);
    (!name.is_empty()).then(|| utf8_percent_encode(&name, ENCODED).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_leads_to_one_page() {
        let cases = [
            ("/m/hello", None),
            ("/m/team/hello", None),
            ("/m/hello/", Some("/m/hello")),
            ("/m/Hello", Some("/m/hello")),
            ("/M/hello", Some("/m/hello")),
            ("/m//team//Hello//?a=B", Some("/m/team/hello?a=B")),
            ("/m/caf%C3%A9", None),
            ("/m/caf%c3%a9", Some("/m/caf%C3%A9")),
            ("/m/cafe%CC%81", Some("/m/caf%C3%A9")),
            ("/m/CAF%C3%89", Some("/m/caf%C3%A9")),
            ("/m/%20hello%E2%80%8B", Some("/m/hello")),
            ("/m/a%2Fb", None),
            ("/m/%ff", None),
            ("/m/%20", None),
            ("/m/a/b/c", None),
            ("/m/", None),
            ("/stats", None),
        ];
        for (address, page) in cases {
            let found = canonical_page(&address.parse().unwrap());
            assert_eq!(found.as_deref(), page, "{address}");
            if let Some(found) = found {
                assert_eq!(canonical_page(&found.parse().unwrap()), None, "{address} leads to {found}, which leads on");
            }
        }
    }
}
