//! Writes numbers into `spec/models.toml`; comments and layout stay as they are.

use toml_edit::{DocumentMut, Item, Table, Value};

use crate::outcome::Pins;

/// The text with the numbers of each named model put in.
///
/// # Errors
/// The text is not TOML, or has no such model.
pub(crate) fn pin(text: &str, all: &[(&str, &Pins)]) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error| format!("{error}"))?;
    for (name, pins) in all {
        let models = document.get_mut("model").and_then(Item::as_array_of_tables_mut);
        let model = models.and_then(|models| {
            models.iter_mut().find(|m| m.get("name").and_then(Item::as_str) == Some(name))
        });
        let model = model.ok_or_else(|| format!("there is no model `{name}` to pin"))?;
        // TOML's numbers are signed; TLC counts no further.
        let number = |n: Option<u64>| n.and_then(|n| i64::try_from(n).ok()).map(Value::from);
        put(model, "trace", number(pins.trace));
        put(model, "distinct", number(pins.distinct));
        put(model, "generated", number(pins.generated));
        put(model, "edges", number(pins.edges));
        put(model, "schedules", pins.schedules.clone().map(Value::from));
    }
    Ok(document.to_string())
}

fn put(model: &mut Table, key: &str, value: Option<Value>) {
    let Some(mut value) = value else { return };
    if let Some(old) = model.get_mut(key).and_then(Item::as_value_mut) {
        // A comment behind the number belongs to the old value.
        *value.decor_mut() = old.decor().clone();
        *old = value;
    } else {
        model.insert(key, Item::Value(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# The register.

[[model]]
name = \"a\"      # the first
distinct = 1    # states
generated = 2

# Of the second.
[[model]]
name = \"b\"
";

    #[test]
    fn numbers_are_put_in_and_comments_stay() {
        let a = Pins { distinct: Some(12), generated: Some(17), ..Pins::default() };
        let b = Pins { trace: Some(5), schedules: Some("cyclic".to_owned()), ..Pins::default() };
        let pinned = pin(TEXT, &[("a", &a), ("b", &b)]).expect("both are there");
        insta::assert_snapshot!(pinned, @r#"
        # The register.

        [[model]]
        name = "a"      # the first
        distinct = 12    # states
        generated = 17

        # Of the second.
        [[model]]
        name = "b"
        trace = 5
        schedules = "cyclic"
        "#);
    }

    #[test]
    fn a_model_that_is_not_there_is_an_error() {
        let error = pin(TEXT, &[("c", &Pins::default())]).expect_err("there is no c");
        assert_eq!(error, "there is no model `c` to pin");
    }
}
