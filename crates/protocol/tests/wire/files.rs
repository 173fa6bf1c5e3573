//! Files with the expectations of the tests: compared, or rewritten if `UPDATE_GOLDEN` is set.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The repository, seen from this crate.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn is_updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

/// Files that were added by hand to a folder of generated ones.
const BY_HAND: &str = "found-";

fn generated_in(folder: &Path) -> Vec<String> {
    let names =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with(BY_HAND)).collect();
    names.sort();
    names
}

/// Fails unless `folder` contains exactly these files with these contents.
pub(crate) fn assert_folder(folder: &Path, expected: &BTreeMap<String, String>) {
    if is_updating() {
        fs::create_dir_all(folder).unwrap();
        for name in generated_in(folder) {
            fs::remove_file(folder.join(name)).unwrap();
        }
        for (name, content) in expected {
            fs::write(folder.join(name), content).unwrap();
        }
    }
    let names: Vec<&String> = expected.keys().collect();
    let found = generated_in(folder);
    assert_eq!(found.iter().collect::<Vec<_>>(), names, "files in {}; UPDATE_GOLDEN=1 rewrites them", folder.display());
    for (name, content) in expected {
        let path = folder.join(name);
        let kept = fs::read_to_string(&path).unwrap();
        assert!(kept == *content, "{} differs from:\n{content}\nUPDATE_GOLDEN=1 rewrites it", path.display());
    }
}

/// Maximum length of a line of a golden that could be broken.
const WIDTH: usize = 120;

/// The format of goldens and examples: a value that fits on one line is written on one line.
pub(crate) fn pretty(value: &Value) -> String {
    written(value, 0, 0) + "\n"
}

/// `column` is where the value begins, `indent` is where its last line begins.
fn written(value: &Value, indent: usize, column: usize) -> String {
    let flat = flat(value);
    if column + flat.chars().count() < WIDTH {
        return flat;
    }
    let (inner, outer) = (" ".repeat(indent + 2), " ".repeat(indent));
    match value {
        Value::Object(fields) => {
            let lines = fields.iter().map(|(key, field)| {
                let start = format!("{inner}{}: ", Value::from(key.as_str()));
                let column = start.chars().count();
                start + &written(field, indent + 2, column)
            });
            format!("{{\n{}\n{outer}}}", lines.collect::<Vec<_>>().join(",\n"))
        }
        Value::Array(elements) => {
            let lines = elements.iter().map(|element| inner.clone() + &written(element, indent + 2, indent + 2));
            format!("[\n{}\n{outer}]", lines.collect::<Vec<_>>().join(",\n"))
        }
        _ => flat,
    }
}

fn flat(value: &Value) -> String {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let fields = fields.iter().map(|(key, field)| format!("{}: {}", Value::from(key.as_str()), flat(field)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(elements) => format!("[{}]", elements.iter().map(flat).collect::<Vec<_>>().join(", ")),
        _ => value.to_string(),
    }
}

#[test]
fn what_is_written_is_json_in_short_lines() {
    let value = serde_json::json!({ "long": vec!["0123456789"; 20], "empty": [{}, []], "text": "\n\"é" });
    let pretty = pretty(&value);
    assert_eq!(serde_json::from_str::<Value>(&pretty).unwrap(), value);
    assert!(pretty.lines().all(|line| line.chars().count() <= WIDTH) && pretty.lines().count() > 20);
}
