//! Writes the custom resource definitions, or with `--check` says whether the written ones are still right.
//!
//! The same files go to `crds/yaml` (to read and to apply by hand) and into the chart `convene-crds`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use convene_crds::generate::{self, GeneratedFile};

const USAGE: &str = "usage: crdgen [--check]

Writes the custom resource definitions of Meeting and MediaPool to crds/yaml and charts/convene-crds/files.

  --check   write nothing; exit with 1 and say what differs if a file is not what the types say
  --help    this text";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => false,
        ["--check"] => true,
        ["--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("unexpected arguments: {}\n\n{USAGE}", arguments.join(" "));
            return ExitCode::from(2);
        }
    };
    match run(check) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            for problem in problems {
                eprintln!("{problem}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(check: bool) -> Result<(), Vec<String>> {
    let files = generate::files().map_err(|error| vec![error.to_string()])?;
    let handle = if check { check_file } else { write_file };
    let problems: Vec<String> = directories()
        .iter()
        .flat_map(|directory| files.iter().filter_map(move |file| handle(directory, file).err()))
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Found from this crate's own folder, so that it does not matter where the command is given.
fn directories() -> [PathBuf; 2] {
    let crds = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    [crds.join("yaml"), crds.join("../charts/convene-crds/files")]
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
