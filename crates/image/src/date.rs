//! Seconds since 1970 as the dates that image formats ask for; UTC, by the Gregorian calendar.

/// A moment taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub year: u64,
    pub month: u64,
    pub day: u64,
    pub hour: u64,
    pub minute: u64,
    pub second: u64,
}

/// Takes an epoch apart; `None` beyond the year 9999, for which the formats have no digits.
pub(crate) fn moment(epoch: u64) -> Option<Moment> {
    const LAST: u64 = 253_402_300_799;
    if epoch > LAST {
        return None;
    }
    let (days, seconds) = (epoch / 86_400, epoch % 86_400);
    // Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day comes last.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    Some(Moment {
        year: era * 400 + year_of_era + u64::from(month <= 2),
        month,
        day: day_of_year - (153 * from_march + 2) / 5 + 1,
        hour: seconds / 3600,
        minute: seconds / 60 % 60,
        second: seconds % 60,
    })
}

/// `2026-11-20T08:25:00Z`
pub(crate) fn rfc3339(epoch: u64) -> Option<String> {
    let Moment { year, month, day, hour, minute, second } = moment(epoch)?;
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// `2026112008250000`: the form of ISO 9660, down to hundredths of a second.
pub(crate) fn compact(epoch: u64) -> Option<String> {
    let Moment { year, month, day, hour, minute, second } = moment(epoch)?;
    Some(format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_agree_with_the_calendar() {
        for (epoch, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_210_096, "2024-02-29T12:34:56Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(epoch).as_deref(), Some(date));
        }
        assert_eq!(rfc3339(253_402_300_800), None);
        assert_eq!(compact(1_709_210_096).as_deref(), Some("2024022912345600"));
    }
}
