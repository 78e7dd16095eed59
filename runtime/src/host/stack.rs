//! What was thrown, as the log says it.

use std::fmt::Write as _;

use webstir_script::Thrown;

use super::HostError;

/// More causes than these say nothing new.
const MOST_CAUSES: usize = 8;

impl HostError {
    /// The class of what was thrown.
    pub fn kind(&self) -> &str {
        match self {
            Self::Thrown(thrown) => thrown.name.as_deref().unwrap_or("Error"),
            _ => "ServerError",
        }
    }

    /// What it says, without its class.
    pub fn message(&self) -> String {
        if let Self::Thrown(thrown) = self { thrown.message.clone() } else { self.to_string() }
    }

    /// The message, a line for each frame, and the same of each cause.
    pub fn stack(&self) -> String {
        let Self::Thrown(thrown) = self else { return self.to_string() };
        let mut stack = String::new();
        let causes = std::iter::successors(Some(thrown), |thrown: &&Thrown| thrown.cause.as_deref());
        for (place, thrown) in causes.take(MOST_CAUSES).enumerate() {
            let start = if place == 0 { "" } else { "\nCaused by: " };
            // Writing to a text does not fail.
            let _ = write!(stack, "{start}{thrown}");
            for frame in &thrown.frames {
                let at = format!("{}:{}:{}", frame.file, frame.line, frame.column);
                let _ = match &frame.function {
                    Some(function) => write!(stack, "\n    at {function} ({at})"),
                    None => write!(stack, "\n    at {at}"),
                };
            }
        }
        stack
    }
}

#[cfg(test)]
mod tests {
    use webstir_script::Frame;

    use super::*;

    #[test]
    fn frames_and_causes_have_lines() {
        let frame = |function: Option<&str>, line| Frame {
            function: function.map(str::to_owned),
            file: "src/a.ts".to_owned(),
            line,
            column: 5,
            mapped: true,
        };
        let cause = Thrown { name: None, message: "why".to_owned(), frames: vec![], cause: None };
        let thrown = Thrown {
            name: Some("TypeError".to_owned()),
            message: "no".to_owned(),
            frames: vec![frame(Some("inner"), 3), frame(None, 9)],
            cause: Some(Box::new(cause)),
        };
        let error = HostError::Thrown(thrown);
        assert_eq!((error.kind(), error.message().as_str()), ("TypeError", "no"));
        assert_eq!(error.stack(), "TypeError: no\n    at inner (src/a.ts:3:5)\n    at src/a.ts:9:5\nCaused by: why");
        assert_eq!(HostError::Lost.stack(), HostError::Lost.to_string());
    }
}
