//! What is masked and what is not.

use proptest::prelude::*;

use super::*;

fn knowing(values: &[(&str, &str)]) -> Redactor {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Redactor::new(values, &["WIKI_*".to_owned()])
}

/// Base64 by the book, apart from the table under test.
fn base64(bytes: &[u8]) -> String {
    let bits: String = bytes.iter().fold(String::new(), |out, byte| out + &format!("{byte:08b}"));
    let digits = bits.as_bytes().chunks(6).map(|bits| {
        let text = format!("{:0<6}", String::from_utf8_lossy(bits));
        match u8::from_str_radix(&text, 2).unwrap() {
            n @ 0..26 => b'A' + n,
            n @ 26..52 => b'a' + n - 26,
            n @ 52..62 => b'0' + n - 52,
            62 => b'+',
            _ => b'/',
        }
    });
    let mut text: String = digits.map(char::from).collect();
    text.push_str(&"===="[..(4 - text.len() % 4) % 4]);
    text
}

fn percent_all(text: &str) -> String {
    text.bytes().fold(String::new(), |out, byte| out + &format!("%{byte:02X}"))
}

#[test]
fn a_secret_is_masked_in_every_form() {
    let redactor = knowing(&[("API_TOKEN", "s3cr3t \"and/more\"\\")]);
    for (text, shown) in [
        ("token s3cr3t \"and/more\"\\.", "token ***."),
        (r#"{"token":"s3cr3t \"and/more\"\\"}"#, r#"{"token":"***"}"#),
        (r#"{"token":"s3cr3t \"and\/more\"\\"}"#, r#"{"token":"***"}"#),
        (r#"{"token":"\u00733cr3t \u0022and/more\u0022\u005c"}"#, r#"{"token":"***"}"#),
        ("?t=s3cr3t%20%22and%2Fmore%22%5C&x=1", "?t=***&x=1"),
        ("?t=s3cr3t+%22and%2fmore%22%5c&x=1", "?t=***&x=1"),
        ("?t=s3cr3t%20\"and/more\"%5C&x=1", "?t=***&x=1"),
        ("twice: s3cr3t \"and/more\"\\s3cr3t \"and/more\"\\", "twice: ******"),
        ("half of it: s3cr3t \"and", "half of it: s3cr3t \"and"),
        ("100 % sure, a + b, c:\\new", "100 % sure, a + b, c:\\new"),
    ] {
        assert_eq!(redactor.redact(text), shown);
    }
}

#[test]
fn base64_is_masked_wherever_the_secret_stands_in_it() {
    let redactor = knowing(&[("API_TOKEN", "cn4ry>>>???~~~")]);
    for before in ["", "u", "us", "use", "user:"] {
        for after in ["", "\n", " and more"] {
            let plain = base64(format!("{before}cn4ry>>>???~~~{after}").as_bytes());
            let url = plain.replace('+', "-").replace('/', "_");
            for text in [plain, url] {
                let shown = redactor.redact(&format!("Authorization: Basic {text}"));
                // At most the digit on either border is left, which its neighbour decides as well.
                let left = shown.len() - "Authorization: Basic ".len() - MASK.len();
                assert!(shown.contains(MASK), "{text}: {shown}");
                assert!(
                    left <= base64(before.as_bytes()).len() + base64(after.as_bytes()).len() + 4,
                    "{shown}"
                );
            }
        }
    }
}

#[test]
fn names_and_lengths_decide_what_is_a_secret() {
    let redactor = knowing(&[
        ("DB_PASSWORD", "pw12"),
        ("SHORT_TOKEN", "abc"),
        ("WIKI_THING", "kn0x"),
        ("GREETING", "good morning"),
        ("COLOUR", "green"),
        ("RELEASE_TAG", "v2.3.4-rc1"),
        ("COMPOSE_PROJECT_NAME", "production"),
        ("RETENTION", "20260518"),
    ]);
    assert_eq!(redactor.redact("pw12 abc kn0x"), "*** abc ***");
    assert_eq!(redactor.redact("good morning, green v2.3.4-rc1"), "***, green v2.3.4-rc1");
    assert_eq!(redactor.redact("production 20260518"), "production 20260518");
}

#[test]
fn a_value_of_several_lines_is_masked_line_by_line() {
    let redactor = knowing(&[("SSH_KEY", "-----BEGIN KEY-----\n  MIIEvQIBADAN\nshort\n-----END KEY-----")]);
    assert_eq!(redactor.redact("| MIIEvQIBADAN"), "| ***");
    assert_eq!(redactor.redact("| -----BEGIN KEY-----\n| short"), "| ***\n| short");
}

#[test]
fn the_password_of_an_address_is_masked_by_itself_too() {
    let redactor = knowing(&[("DATABASE_URL", "postgres://wiki:hunter2@db:5432/wiki?sslmode=off")]);
    assert_eq!(
        redactor.redact("password hunter2 for postgres://wiki@db:5432"),
        "password *** for postgres://wiki@db:5432"
    );
}

#[test]
fn the_password_of_an_address_that_nobody_named_is_masked() {
    let redactor = Redactor::default();
    for (text, shown) in [
        (
            "unable to access 'https://me:pw@host/x.git/': refused",
            "unable to access 'https://me:***@host/x.git/': refused",
        ),
        ("redis://:pw@cache", "redis://:***@cache"),
        ("HTTPS://ME:PW@HOST", "HTTPS://ME:***@HOST"),
        ("https://me:p@w@host and a@b", "https://me:***@host and a@b"),
        (r#"{"a":"https://me:pw@host","b":"c@d"}"#, r#"{"a":"https://me:***@host","b":"c@d"}"#),
        (r"https:\/\/me:pw@host", r"https:\/\/me:***@host"),
        ("to=https%3A%2F%2Fme%3Apw%40host", "to=https%3A%2F%2Fme%3A***%40host"),
        ("https://one:a@b https://two:c@d", "https://one:***@b https://two:***@d"),
        ("https://me@host:80/a:b@c", "https://me@host:80/a:b@c"),
        ("http://127.0.0.1:8080/x?mail=a@b", "http://127.0.0.1:8080/x?mail=a@b"),
        ("ssh://git@host:22/x", "ssh://git@host:22/x"),
        ("see http://host:80 or mail a@b", "see http://host:80 or mail a@b"),
    ] {
        assert_eq!(redactor.redact(text), shown);
        assert_eq!(redactor.redact(shown), shown, "what is masked stays as it is");
    }
}

#[test]
fn secrets_within_each_other_leave_nothing() {
    let redactor = knowing(&[("A_TOKEN", "abcdef"), ("B_TOKEN", "defghi"), ("C_TOKEN", "cdef")]);
    assert_eq!(redactor.redact("abcdefghi"), "***");
    assert_eq!(redactor.redact("xdefghiy cdef"), "x***y ***");
}

#[test]
fn debug_tells_nothing() {
    assert_eq!(format!("{:?}", knowing(&[("A_TOKEN", "abcdef")])), "Redactor(***)");
}

/// Text with whatever could confuse an escape.
fn text() -> impl Strategy<Value = String> {
    "([ -~\\n\\téß€\u{1f511}]|%[0-9A-Fa-f]{0,2}|\\\\(u[0-9a-f]{0,4}|[a-z\"/]?)|://|@|\\+){0,12}"
}

fn secret() -> impl Strategy<Value = String> {
    "[!-~éß€\u{1f511}]([ -~éß€\u{1f511}]{3,20})[!-~é€]"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_form_of_a_secret_survives(before in text(), after in text(), secret in secret()) {
        let redactor = knowing(&[("A_TOKEN", &secret)]);
        let json = serde_json::to_string(&secret).unwrap();
        let json = &json[1..json.len() - 1];
        // A mask on either side, so that what stands around it does not become part of an escape.
        for form in [secret.as_str(), json, &percent_all(&secret)] {
            let shown = redactor.redact(&format!("{before}  {form}  {after}"));
            prop_assert!(!shown.contains(form), "{form:?} in {shown:?}");
        }
        let encoded = base64(secret.as_bytes());
        let shown = redactor.redact(&format!("{before} {encoded} {after}"));
        prop_assert!(!shown.contains(&encoded), "{encoded:?} in {shown:?}");
    }

    #[test]
    fn whatever_is_no_secret_stays(text in "[ -~\\nβ€]{0,80}") {
        // A letter that the text cannot have.
        let redactor = knowing(&[("A_TOKEN", "žluťoučký")]);
        let addresses = passwords_in(text.as_bytes());
        prop_assume!(addresses.is_empty());
        prop_assert_eq!(redactor.redact(&text), text);
    }

    #[test]
    fn any_bytes_can_be_masked(text in proptest::collection::vec(any::<u8>(), 0..200), secret in secret()) {
        let redactor = knowing(&[("A_TOKEN", &secret)]);
        let shown = redactor.redact(&String::from_utf8_lossy(&text));
        prop_assert!(!shown.contains(&secret));
    }
}
