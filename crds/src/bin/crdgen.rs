//! Writes the custom resource definitions and their reference; with `--check` it compares them with the written files.
//!
//! The same definitions go to `crds/yaml` (for reading and `kubectl apply`) and to the chart `convene-crds`, the reference to `docs`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use convene_crds::{
    generate::{self, GeneratedFile},
    reference,
};

const USAGE: &str = "usage: crdgen [--check]

Writes the custom resource definitions of Meeting, MediaPool and MeetingBackup to crds/yaml and charts/convene-crds/files, and their
reference to docs/reference.md.

  --check   write nothing; if a file is out of date, print the first difference and exit with 1
  --help    print this help";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => false,
        ["--check"] => true,
        ["--help" | "-h"] => {
            say(&mut std::io::stdout(), USAGE);
            return ExitCode::SUCCESS;
        }
        _ => {
            say(&mut std::io::stderr(), &format!("unexpected arguments: {}\n\n{USAGE}", arguments.join(" ")));
            return ExitCode::from(2);
        }
    };
    match run(check) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            for problem in problems {
                say(&mut std::io::stderr(), &problem);
            }
            ExitCode::FAILURE
        }
    }
}

/// Ignores errors: the reader may have gone away.
fn say(to: &mut dyn std::io::Write, text: &str) {
    let _ = writeln!(to, "{text}");
}

fn run(check: bool) -> Result<(), Vec<String>> {
    let files = generate::files().map_err(|error| vec![error.to_string()])?;
    let handle = if check { check_file } else { write_file };
    let mut problems: Vec<String> = DEFINITIONS
        .iter()
        .flat_map(|directory| files.iter().filter_map(move |file| handle(&find(directory), file).err()))
        .collect();
    problems.extend(handle(&find(DOCS), &reference::file()).err());
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

const DEFINITIONS: [&str; 2] = ["yaml", "../charts/convene-crds/files"];
const DOCS: &str = "../docs";

/// Relative to this crate, whatever the working directory is.
fn find(directory: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(directory)
}

fn write_file(directory: &Path, file: &GeneratedFile) -> Result<(), String> {
    let path = directory.join(&file.name);
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(&path, &file.text))
        .map_err(|error| format!("could not write {}: {error}", path.display()))
}

fn check_file(directory: &Path, file: &GeneratedFile) -> Result<(), String> {
    let path = directory.join(&file.name);
    let found =
        std::fs::read_to_string(&path).map_err(|error| format!("could not read {}: {error}", path.display()))?;
    generate::difference(&found, &file.text).map_or(Ok(()), |difference| {
        Err(format!("{} is out of date: {difference}; run: cargo run -p convene-crds --bin crdgen", path.display()))
    })
}
