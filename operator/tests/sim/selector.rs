//! Label and field selectors.
//!
//! Pure. Only the fields `metadata.name` and `metadata.namespace` are known, as for most kinds of a real API server.

use serde_json::Value;

/// The selection of a list or watch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    pointer: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

impl Selector {
    /// `Err` is what is wrong with it.
    pub(crate) fn parse(labels: &str, fields: &str) -> Result<Self, String> {
        let mut requirements = Vec::new();
        for part in split_outside_brackets(labels) {
            requirements.push(parse_label(part)?);
        }
        for part in fields.split(',').filter(|part| !part.is_empty()) {
            requirements.push(parse_field(part)?);
        }
        Ok(Self { requirements })
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.requirements.iter().all(|requirement| {
            let found = object.pointer(&requirement.pointer).and_then(Value::as_str);
            let is_among = |values: &[String]| found.is_some_and(|found| values.iter().any(|value| value == found));
            match &requirement.test {
                Test::In(values) => is_among(values),
                Test::NotIn(values) => !is_among(values),
                Test::Exists => found.is_some(),
                Test::Absent => found.is_none(),
            }
        })
    }
}

fn split_outside_brackets(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let parts = text.split(|letter| {
        depth += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        letter == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn label(key: &str, test: Test) -> Requirement {
    let key = key.trim().replace('~', "~0").replace('/', "~1");
    Requirement { pointer: format!("/metadata/labels/{key}"), test }
}

fn parse_label(part: &str) -> Result<Requirement, String> {
    let list = |text: &str| -> Vec<String> {
        text.trim().trim_matches(['(', ')']).split(',').map(|value| value.trim().to_owned()).collect()
    };
    if let Some((key, values)) = part.split_once(" notin ") {
        return Ok(label(key, Test::NotIn(list(values))));
    }
    if let Some((key, values)) = part.split_once(" in ") {
        return Ok(label(key, Test::In(list(values))));
    }
    if let Some((key, value)) = part.split_once("!=") {
        return Ok(label(key, Test::NotIn(vec![value.to_owned()])));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Ok(label(key, Test::In(vec![value.to_owned()])));
    }
    if part.contains(['(', ')', ' ']) {
        return Err(format!("unable to parse requirement {part:?}"));
    }
    Ok(part.strip_prefix('!').map_or_else(|| label(part, Test::Exists), |key| label(key, Test::Absent)))
}

fn parse_field(part: &str) -> Result<Requirement, String> {
    let (key, value) = part.split_once('=').ok_or_else(|| format!("invalid field selector {part:?}"))?;
    if !matches!(key, "metadata.name" | "metadata.namespace") {
        return Err(format!("field label not supported: {key}"));
    }
    Ok(Requirement { pointer: format!("/{}", key.replace('.', "/")), test: Test::In(vec![value.to_owned()]) })
}

#[test]
fn selectors_select() {
    let boat = serde_json::json!({"metadata": {"name": "gig", "labels": {"a.test/kind": "boat", "size": "small"}}});
    let is_selected = |labels: &str, fields: &str| Selector::parse(labels, fields).unwrap().matches(&boat);
    for yes in [
        "",
        "a.test/kind=boat",
        "a.test/kind==boat,size",
        "!sails",
        "size in (small,big)",
        "size notin (big)",
        "sails!=2",
    ] {
        assert!(is_selected(yes, ""), "{yes}");
    }
    for no in
        ["a.test/kind=ship", "sails", "!size", "size in (big, huge)", "size notin (small,big),size", "size!=small"]
    {
        assert!(!is_selected(no, ""), "{no}");
    }
    assert!(is_selected("", "metadata.name=gig") && !is_selected("", "metadata.name=skiff"));
    assert!(Selector::parse("", "spec.nodeName=pier").is_err());
}
