//! Values that are too large in one place: for every place of an honest value a longer list, a longer text, a larger number, an object
//! with more keys, and a deep value. Pure.

use serde_json::{Map, Value, json};

/// Maximum size of a long text or list in bytes: the whole message must fit into one frame.
const TEXT_BYTES: usize = 10_000;
const LIST_BYTES: usize = 40_000;
const DEPTH: usize = 100;

/// Whether the pod must refuse a variant or may ignore the excess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// A list or text that is far too long.
    TooLarge,
    /// Another value that no client sends.
    Odd,
}

/// A changed value.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub(crate) what: String,
    pub(crate) size: Size,
    pub(crate) value: Value,
}

/// All variants of a value.
pub(crate) fn variants(value: &Value) -> Vec<Variant> {
    let mut places = Vec::new();
    find_places(value, String::new(), &mut places);
    places.iter().flat_map(|place| at_place(value, place)).collect()
}

/// Places in a value, as JSON pointers.
pub(crate) fn find_places(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| find_places(value, format!("{at}/{}", escaped(key)), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| find_places(value, format!("{at}/{index}"), found));
        }
        _ => {}
    }
    found.push(at);
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn at_place(value: &Value, place: &str) -> Vec<Variant> {
    let here = value.pointer(place).expect("the place was found in this value");
    let changed = |(what, size, new): (&str, Size, Value)| {
        let mut changed = value.clone();
        *changed.pointer_mut(place).expect("the place was found in this value") = new;
        Variant { what: format!("{what} at {place:?}"), size, value: changed }
    };
    worse(here).into_iter().map(changed).collect()
}

fn worse(value: &Value) -> Vec<(&'static str, Size, Value)> {
    let mut found = vec![("a deep list", Size::Odd, deep(DEPTH))];
    match value {
        Value::Array(items) => found.extend(long_list(items).map(|list| ("a long list", Size::TooLarge, list))),
        Value::String(text) => {
            let long = json!(text.clone() + &"x".repeat(TEXT_BYTES));
            found.extend([("a long text", Size::TooLarge, long), ("an empty text", Size::Odd, json!(""))]);
        }
        Value::Number(_) => found.extend(numbers().map(|number| ("an odd number", Size::Odd, number))),
        Value::Object(fields) => found.push(("many keys", Size::Odd, many_keys(fields))),
        Value::Null | Value::Bool(_) => {}
    }
    found
}

fn long_list(items: &[Value]) -> Option<Value> {
    let first = items.first()?;
    let bytes = first.to_string().len() + 1;
    let count = (LIST_BYTES / bytes).min(1000);
    Some(Value::Array((0..count).map(|index| numbered(first, index)).collect()))
}

/// A copy of the item with its own numbers, so that the list is not refused only because of duplicates.
fn numbered(item: &Value, index: usize) -> Value {
    let mut item = item.clone();
    for key in ["ssrc", "payloadType", "preferredPayloadType", "id", "preferredId"] {
        if let Some(number) = item.get_mut(key).filter(|value| value.is_number()) {
            *number = json!(number.as_u64().unwrap_or(0) + index as u64);
        }
    }
    item
}

fn numbers() -> [Value; 5] {
    [json!(-1), json!(256), json!(4_294_967_296_u64), json!(u64::MAX), json!(1e300)]
}

fn many_keys(fields: &Map<String, Value>) -> Value {
    let more = (0..1000).map(|number| (format!("x-{number}"), json!("y".repeat(20))));
    Value::Object(fields.clone().into_iter().chain(more).collect())
}

pub(crate) fn deep(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_made_worse_alone() {
        let value = json!({ "list": [{ "ssrc": 7 }], "text": "abc", "a/b": 1 });
        let variants = variants(&value);
        let large: Vec<_> = variants.iter().filter(|variant| variant.size == Size::TooLarge).collect();
        assert_eq!(large.len(), 2, "{large:?}");
        let list = large[0].value["list"].as_array().unwrap();
        assert_eq!((list.len(), &list[999]["ssrc"]), (1000, &json!(1006)));
        assert_eq!(large[1].value["text"].as_str().unwrap().len(), TEXT_BYTES + 3);
        assert!(variants.iter().any(|variant| variant.value["a/b"] == -1));
        assert!(variants.iter().all(|variant| variant.value.to_string().len() < 64 * 1024));
    }
}
