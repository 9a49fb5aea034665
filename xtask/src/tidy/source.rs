//! Tells the code of a Rust file from its comments, strings and tests, well enough for rules about words and lengths.

/// The text with comments and the contents of strings and characters replaced by spaces. Lines stay where they are.
pub fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => line_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => block_comment_end(bytes, at),
            b'"' => string_end(bytes, at),
            b'r' | b'b' | b'c' if !follows_name(bytes, at) => raw_string_end(bytes, at).unwrap_or(at),
            b'\'' => character_end(bytes, at).unwrap_or(at),
            _ => at,
        };
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8_lossy(&code).into_owned()
}

fn follows_name(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |length| at + length)
}

fn block_comment_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0;
    while at < bytes.len() {
        match &bytes[at..bytes.len().min(at + 2)] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The end of a string that begins with the quote at `at`.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut next = at + 1;
    while next < bytes.len() {
        match bytes[next] {
            b'\\' => next += 2,
            b'"' => return next + 1,
            _ => next += 1,
        }
    }
    bytes.len()
}

/// The end of `r"..."`, `r#"..."#`, `br"..."`, `cr"..."`; nothing when `at` is not the start of one.
fn raw_string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut quote = at + usize::from(bytes[at] != b'r');
    if bytes.get(quote) != Some(&b'r') {
        return None;
    }
    quote += 1;
    let hashes = bytes[quote..].iter().take_while(|&&byte| byte == b'#').count();
    quote += hashes;
    if bytes.get(quote) != Some(&b'"') {
        return None;
    }
    let mut closing = vec![b'"'];
    closing.resize(hashes + 1, b'#');
    let body = &bytes[quote + 1..];
    let length = body.windows(closing.len()).position(|window| window == closing);
    Some(length.map_or(bytes.len(), |length| quote + 1 + length + closing.len()))
}

/// The end of a character literal; nothing for a lifetime.
fn character_end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at + 1) == Some(&b'\\') {
        let closing = bytes[at + 3..].iter().position(|&byte| byte == b'\'')?;
        return Some(at + 3 + closing + 1);
    }
    let text = std::str::from_utf8(&bytes[at + 1..bytes.len().min(at + 6)]);
    let valid = match &text {
        Ok(text) => text,
        Err(problem) => std::str::from_utf8(&bytes[at + 1..at + 1 + problem.valid_up_to()]).ok()?,
    };
    let character = valid.chars().next()?;
    let closing = at + 1 + character.len_utf8();
    (bytes.get(closing) == Some(&b'\'')).then_some(closing + 1)
}

/// Number of lines before the tests at the end of the file.
pub fn production_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let is_test_module = |index: &usize| {
        // `mod tests;` keeps its tests in another file, and code may follow it
        lines[*index].starts_with("#[cfg(test)]")
            && !lines.get(index + 1).is_some_and(|line| line.ends_with(';'))
    };
    (0..lines.len()).find(is_test_module).unwrap_or(lines.len())
}

/// The production part of a file, without comments and the contents of strings.
pub fn production_code(text: &str) -> String {
    let code = code_only(text);
    code.lines().take(production_lines(text)).flat_map(|line| [line, "\n"]).collect()
}

/// A function with a body.
pub struct Function {
    /// Its name.
    pub name: String,
    /// Lines from the `fn` to the closing brace.
    pub lines: usize,
}

/// Every function with a body in `code`, which must come from [`code_only`].
pub fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("fn ") {
        if follows_name(code.as_bytes(), start) {
            continue;
        }
        let rest = &code[start + 3..];
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        // a declaration without a body ends with a semicolon; an array type in the signature has one too, in brackets
        let Some(length) = body_end(rest) else { continue };
        if !name.is_empty() {
            found.push(Function { name, lines: rest[..length].matches('\n').count() + 1 });
        }
    }
    found
}

/// The end of the first block in braces, unless a semicolon outside brackets comes first.
fn body_end(text: &str) -> Option<usize> {
    let (mut brackets, mut braces) = (0_i32, 0_i32);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' if braces == 0 => brackets += 1,
            b')' | b']' if braces == 0 => brackets -= 1,
            b';' if braces == 0 && brackets == 0 => return None,
            b'{' => braces += 1,
            b'}' => {
                braces -= 1;
                if braces <= 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{code_only, functions, production_code, production_lines};

    #[test]
    fn comments_and_strings_are_blank_and_lines_stay() {
        let text = "let a = \"unsafe \\\" {\"; // unsafe\n/* unsafe /* x */ unsafe */ let b = r#\"un\"safe\"#;\nlet c = b\"unsafe\";";
        let code = code_only(text);
        assert!(!code.contains("unsafe"), "{code}");
        assert!(code.contains("let a =") && code.contains("let b =") && code.contains("let c ="));
        assert_eq!(code.lines().count(), 3);
    }

    #[test]
    fn characters_are_not_lifetimes() {
        let code =
            code_only("fn f<'a>(x: &'a str) { match c { '\"' => 1, '\\'' => 2, 'é' => 3, _ => unsafe_() } }");
        assert!(code.contains("fn f<'a>(x: &'a str)"), "{code}");
        assert!(code.contains("unsafe_()"), "{code}");
    }

    #[test]
    fn a_test_module_in_another_file_does_not_end_the_file() {
        assert_eq!(production_lines("a\n#[cfg(test)]\nmod tests;\nb\n"), 4);
        assert_eq!(production_lines("a\n#[cfg(test)]\nmod tests {\n}\n"), 1);
        assert_eq!(production_code("a\n#[cfg(test)]\nmod tests {\n}\n"), "a\n");
    }

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let code =
            code_only("impl X {\n    fn a(x: [u8; 3]) -> Y {\n        b {}\n    }\n    fn no_body();\n}\n");
        let functions = functions(&code);
        assert_eq!(functions.len(), 1);
        assert_eq!((functions[0].name.as_str(), functions[0].lines), ("a", 3));
    }
}
