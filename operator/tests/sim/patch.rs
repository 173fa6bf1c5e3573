//! Patches of an object: merge, strategic merge and server-side apply.
//!
//! Pure. Lists named `conditions` are maps by `type` for the last two; every other list is replaced as a whole.

use serde_json::{Map, Value};

/// JSON merge patch (RFC 7386).
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    let target = as_object(target);
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Strategic merge patch.
pub(crate) fn merge_strategically(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    let target = as_object(target);
    for (key, value) in patch {
        match value {
            Value::Null => drop(target.remove(key)),
            Value::Array(items) if key == "conditions" => {
                lay_conditions(target.entry(key.clone()).or_insert(Value::Null), items);
            }
            value => merge_strategically(target.entry(key.clone()).or_insert(Value::Null), value),
        }
    }
}

/// Server-side apply by a manager that last applied `before`, while `others` are what other managers applied.
pub(crate) fn apply(target: &mut Value, before: Option<&Value>, others: &[&Value], wanted: &Value) {
    if let Some(before) = before {
        remove_vanished(target, before, Some(wanted), others);
    }
    lay(target, wanted);
}

fn as_object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("was made one just now")
}

fn remove_vanished(target: &mut Value, before: &Value, wanted: Option<&Value>, others: &[&Value]) {
    let (Some(target), Some(before)) = (target.as_object_mut(), before.as_object()) else { return };
    for (key, old) in before {
        let wanted = wanted.and_then(|wanted| wanted.get(key));
        let others: Vec<_> = others.iter().filter_map(|other| other.get(key)).collect();
        let Some(child) = target.get_mut(key) else { continue };
        if old.is_object() && wanted.is_none_or(Value::is_object) {
            remove_vanished(child, old, wanted, &others);
            if wanted.is_none() && others.is_empty() && child.as_object().is_some_and(Map::is_empty) {
                target.remove(key);
            }
        } else if let (true, Some(items)) = (key == "conditions", child.as_array_mut()) {
            let is_kept = |list: Option<&Value>, type_: &Value| {
                list.and_then(Value::as_array).is_some_and(|list| list.iter().any(|item| item["type"] == *type_))
            };
            items.retain(|item| {
                let type_ = &item["type"];
                !is_kept(Some(old), type_)
                    || is_kept(wanted, type_)
                    || others.iter().any(|other| is_kept(Some(other), type_))
            });
        } else if wanted.is_none() && others.is_empty() {
            target.remove(key);
        }
    }
}

fn lay(target: &mut Value, wanted: &Value) {
    let Value::Object(wanted) = wanted else {
        *target = wanted.clone();
        return;
    };
    let target = as_object(target);
    for (key, value) in wanted {
        match value {
            Value::Null => {}
            Value::Array(items) if key == "conditions" => {
                lay_conditions(target.entry(key.clone()).or_insert(Value::Null), items);
            }
            value => lay(target.entry(key.clone()).or_insert(Value::Null), value),
        }
    }
}

fn lay_conditions(target: &mut Value, wanted: &[Value]) {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let list = target.as_array_mut().expect("was made one just now");
    for item in wanted {
        match list.iter_mut().find(|known| known["type"] == item["type"]) {
            Some(known) => lay(known, item),
            None => list.push(item.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merge_replaces_lists_and_removes_nulls() {
        let mut object = json!({"a": {"b": 1, "c": 2}, "list": [1, 2]});
        merge(&mut object, &json!({"a": {"b": null, "d": 4}, "list": [3]}));
        assert_eq!(object, json!({"a": {"c": 2, "d": 4}, "list": [3]}));
    }

    #[test]
    fn strategic_merge_knows_conditions_by_their_type() {
        let mut object = json!({"conditions": [{"type": "A", "status": "True"}, {"type": "B", "status": "True"}]});
        merge_strategically(&mut object, &json!({"conditions": [{"type": "B", "status": "False"}]}));
        assert_eq!(object, json!({"conditions": [{"type": "A", "status": "True"}, {"type": "B", "status": "False"}]}));
    }

    #[test]
    fn apply_removes_fields_that_no_manager_wants() {
        let before = json!({"a": 1, "b": {"c": 2, "d": 3}, "conditions": [{"type": "A"}, {"type": "B"}]});
        let other = json!({"b": {"d": 3}, "conditions": [{"type": "C"}]});
        let mut object = json!({"x": 0});
        apply(&mut object, None, &[&other], &before);
        lay(&mut object, &other);
        apply(&mut object, Some(&before), &[&other], &json!({"conditions": [{"type": "B", "status": "True"}]}));
        let wanted = json!({"x": 0, "b": {"d": 3}, "conditions": [{"type": "B", "status": "True"}, {"type": "C"}]});
        assert_eq!(object, wanted);
    }
}
