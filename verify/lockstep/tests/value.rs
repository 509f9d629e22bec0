//! Values are read and written as TLC does.

mod common;

use std::fmt::Write as _;

use lockstep::value::{Value, ValueError};
use proptest::prelude::*;

fn parse(text: &str) -> Result<Value, ValueError> {
    text.parse()
}

#[test]
fn every_kind_of_value_prints_as_tlc_prints_it() {
    let texts = [
        "TRUE",
        "FALSE",
        "3",
        "-1",
        r#""str""#,
        r#""quote \" back \\ slash \n\t\r\f""#,
        "m1",
        "1a",
        "{}",
        "{1, 2}",
        "<<>>",
        "<<1, 2>>",
        "[a |-> 1, b |-> {<<>>}]",
        "(1 :> 2 @@ 3 :> 4)",
        r#"("1" :> 1 @@ "2" :> 1)"#,
        r#"("WF_a" :> 1 @@ "x" :> 1)"#,
    ];
    for text in texts {
        assert_eq!(parse(text).map(|value| value.to_string()).as_deref(), Ok(text));
    }
}

#[test]
fn white_space_may_stand_between_any_two_tokens() {
    let wrapped =
        "\n ( a :>\n      [ pc |-> \"gone\" ,\n  seen |-> { 1 , 2 } ]  @@\n  b :> << >> )\n";
    assert_eq!(parse(wrapped), parse(r#"(a:>[pc|->"gone",seen|->{1,2}]@@b:><<>>)"#));
}

#[test]
fn an_interval_is_the_set_of_its_members() {
    assert_eq!(parse("-1..2"), Ok(Value::set([-1, 0, 1, 2])));
    assert_eq!(parse("{2..1, 3..3}"), Ok(Value::set([Value::set([3]), Value::set([0; 0])])));
}

#[test]
fn two_ways_to_write_a_value_are_one_value() {
    assert_eq!(parse(r#"(1 :> "a" @@ 2 :> "b")"#), Ok(Value::seq(["a", "b"])));
    assert_eq!(parse(r#"("a" :> 1 @@ "b" :> 2)"#), Ok(Value::record([("b", 2), ("a", 1)])));
    assert_eq!(Value::record([("a b", 1)]), Value::function([("a b", 1)]));
    let empty: [(&str, i64); 0] = [];
    assert_eq!(Value::record(empty), Value::seq([0; 0]));
    assert_eq!(parse("{3, 1, 3}"), Ok(Value::set([1, 3])));
}

#[test]
fn of_two_pairs_with_one_argument_the_first_counts() {
    assert_eq!(parse("(5 :> 1 @@ 5 :> 2)"), Ok(Value::function([(5, 1)])));
}

#[test]
fn functions_of_every_form_are_applied() {
    let cases = [
        ("<<7, 8>>", Value::from(2), Some(8)),
        ("<<7, 8>>", Value::from(0), None),
        ("<<7, 8>>", Value::from(3), None),
        ("[a |-> 7]", Value::from("a"), Some(7)),
        ("[a |-> 7]", Value::model("a"), None),
        ("(a :> 7)", Value::model("a"), Some(7)),
        ("{7}", Value::from(1), None),
    ];
    for (function, argument, expected) in cases {
        let function = parse(function).expect("the text is a value");
        assert_eq!(function.apply(&argument), expected.map(Value::Int).as_ref(), "{function}");
    }
}

#[test]
fn an_error_tells_what_was_expected_and_where() {
    let deep = "{".repeat(5000);
    let texts = [
        "",
        "  \n ]",
        "{1, 2",
        "{1 2}",
        "{1,}",
        "<1, 2>",
        "<<1; 2>>",
        "[a |-> 1, 2]",
        "[a = 1]",
        "[a : {1}]",
        "(1 :> 2, 3 :> 4)",
        "(1)",
        "\"open",
        "<<\n  1,\n  \"a\\q\"\n>>",
        "\"ends in \\",
        "TRUE FALSE",
        "-x",
        "99999999999999999999",
        "1..1000000000",
        "1..x",
        deep.as_str(),
    ];
    let mut told = String::new();
    for text in texts {
        let error = parse(text).expect_err(text);
        let text: String = text.chars().take(30).collect();
        writeln!(told, "{text:?}\n    {error}").expect("a string takes all");
    }
    insta::assert_snapshot!(told);
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(value in common::value()) {
        prop_assert_eq!(parse(&value.to_string()), Ok(value));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in r#"[ \n{}<>\[\](),.@:|=\-"\\a1é]{0,40}"#) {
        let _ = parse(&text);
    }
}
