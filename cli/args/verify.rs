//! The shape of `webstir verify`.

use clap::Args;

/// `webstir verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Rules, such as `command:schema` [default: all]
    #[arg(value_name = "RULE")]
    pub(crate) rules: Vec<String>,
    /// The profile to build
    #[arg(long, default_value = "build")]
    pub(crate) profile: String,
    /// Verify so many of the actions, one at least: which ones follows from their keys
    #[arg(long, value_name = "PERCENT", value_parser = sample)]
    pub(crate) sample: Option<Sample>,
}

/// A share of all actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    millionths: u32,
}

impl Sample {
    /// Whether it is in it what has this number, of which each is as likely as any other: a larger sample has all that a smaller one has.
    pub(crate) fn has(self, number: u64) -> bool {
        Self::rank(number) < u64::from(self.millionths)
    }

    /// What has a lower rank is in smaller samples.
    pub(crate) fn rank(number: u64) -> u64 {
        number % 1_000_000
    }
}

/// `2%`, `0.5%`.
fn sample(text: &str) -> Result<Sample, String> {
    let percent: Option<f64> = text.strip_suffix('%').and_then(|number| number.trim().parse().ok());
    let percent = percent.filter(|percent| *percent > 0.0 && *percent <= 100.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "no more than a million")]
    let sample = percent.map(|percent| Sample { millionths: (percent * 10_000.0).ceil() as u32 });
    sample.ok_or_else(|| "a percentage above 0 and up to 100 is needed, such as `2%`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_a_percentage() {
        assert_eq!(sample("2%"), Ok(Sample { millionths: 20_000 }));
        assert_eq!(sample("0.5%"), Ok(Sample { millionths: 5_000 }));
        assert!(sample("100%").unwrap().has(u64::MAX));
        for wrong in ["2", "0%", "-1%", "101%", "x%", "%", "NaN%"] {
            assert!(sample(wrong).is_err(), "{wrong}");
        }
    }
}
