//! The nearest right name for a wrong one.

/// Adds to a message of serde's about an unknown field or variant the name that was probably meant.
pub fn with_suggestion(message: &str) -> String {
    let Some((_, tail)) = message.split_once("unknown ") else {
        return message.to_owned();
    };
    // unknown field `a`, expected one of `b`, `c`
    let mut names = tail.split('`').skip(1).step_by(2);
    let Some(wrong) = names.next() else {
        return message.to_owned();
    };
    let nearest = names.max_by(|a, b| {
        let likeness = |name: &str| strsim::jaro_winkler(wrong, name);
        likeness(a).total_cmp(&likeness(b))
    });
    match nearest {
        Some(name) if strsim::jaro_winkler(wrong, name) > 0.7 => {
            format!("{message}\nhint: did you mean `{name}`?")
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let message = "unknown field `memory`, expected one of `follow_ms`, `memory_ms`";
        assert!(with_suggestion(message).ends_with("did you mean `memory_ms`?"));
        let far = "unknown field `zzz`, expected one of `follow_ms`, `memory_ms`";
        assert_eq!(with_suggestion(far), far);
        assert_eq!(with_suggestion("something else"), "something else");
        assert_eq!(with_suggestion("unknown thing"), "unknown thing");
    }
}
