//! The settings that every kind of device has.

use punchd_contract::{Default, Shape};

use super::declared::{Block, Declared, Form};

/// `[[device]]`.
pub static DEVICE: Block = Block {
    name: "device",
    repeated: true,
    en: "A terminal or a reader. These settings belong to every kind; each kind has its own besides.",
    zh: "一台终端或读卡器。以下设置适用于所有类型，各类型另有自己的设置。",
    settings: &[
        Declared {
            key: "name",
            form: Form::Shape(Shape::Text),
            default: Default::Required,
            en: "its name: 1–40 of letters, digits, - _ .",
            zh: "名称：1–40 个字母、数字、- _ .",
        },
        Declared {
            key: "kind",
            form: Form::Shape(Shape::Text),
            default: Default::Required,
            en: "what it is; `punchd devices kinds` lists the kinds",
            zh: "设备类型；`punchd devices kinds` 列出全部类型",
        },
        Declared {
            key: "zone",
            form: Form::Zone,
            default: Default::Absent,
            en: "the time zone that it shows; absent: that of [gateway]",
            zh: "设备显示时间所用的时区；不设则用 [gateway] 的时区",
        },
        Declared {
            key: "organisations",
            form: Form::Shape(Shape::Texts),
            default: Default::Absent,
            en: "whose people it reads; absent: the only organisation",
            zh: "服务于哪些企业；只有一个企业时可省略",
        },
        Declared {
            key: "user_ids",
            form: Form::Shape(Shape::Word(&["mapped", "userid", "prefixed"])),
            default: Default::Is("mapped"),
            en: "what a terminal's user id means: looked up in the people list, the WeCom userid itself, or the userid after a prefix",
            zh: "终端编号的含义：mapped 按人员表查找，userid 即企业微信账号，prefixed 加前缀后即账号",
        },
        Declared {
            key: "user_id_prefix",
            form: Form::Shape(Shape::Text),
            default: Default::Absent,
            en: "with \"prefixed\": what stands before the terminal's user id in the userid, such as \"F1-\"",
            zh: "用于 \"prefixed\"：账号中位于终端编号之前的部分，如 \"F1-\"",
        },
        Declared {
            key: "count_from",
            form: Form::Date,
            default: Default::Absent,
            en: "readings before this day (in the device's zone) are kept but do not count; absent: the day on which the device is first seen",
            zh: "此日期（按设备时区）之前的记录只保存，不计为打卡；不设则为首次接入当天",
        },
        Declared {
            key: "clock_tolerance",
            form: Form::Shape(Shape::Duration(1, 86_400)),
            default: Default::Is("60s"),
            en: "how far the terminal's clock may be off before `wrong_clock` applies",
            zh: "终端时钟允许的误差；超过则按 `wrong_clock` 处理",
        },
        Declared {
            key: "wrong_clock",
            form: Form::Shape(Shape::Word(&["hold", "as-recorded", "correct"])),
            default: Default::Is("hold"),
            en: "punches of a terminal whose clock is off: hold corrects them where the offset is proven for their moment and else holds them for a person; as-recorded sends the terminal's own time; correct takes the measured offset",
            zh: "终端时钟不准时：hold 在偏差有证据时更正，否则保留待人工决定；as-recorded 按原时间上传；correct 按测得的偏差更正",
        },
        Declared {
            key: "location_title",
            form: Form::Shape(Shape::Text),
            default: Default::Absent,
            en: "the place shown in WeCom; absent: the gateway's name",
            zh: "企业微信中显示的地点；不设则为网关名称",
        },
        Declared {
            key: "location_detail",
            form: Form::Shape(Shape::Text),
            default: Default::Absent,
            en: "the place in more words; absent: the device's name",
            zh: "详细地点；不设则为设备名称",
        },
        Declared {
            key: "latitude",
            form: Form::Degrees(90),
            default: Default::Absent,
            en: "where it stands; needs `longitude` and `datum`",
            zh: "纬度；须同时设置 `longitude` 和 `datum`",
        },
        Declared {
            key: "longitude",
            form: Form::Degrees(180),
            default: Default::Absent,
            en: "where it stands; needs `latitude` and `datum`",
            zh: "经度；须同时设置 `latitude` 和 `datum`",
        },
        Declared {
            key: "datum",
            form: Form::Shape(Shape::Word(&["wgs84", "gcj02"])),
            default: Default::Absent,
            en: "what the coordinates are: wgs84 from GPS, gcj02 from Chinese maps; they differ by hundreds of metres",
            zh: "坐标系：wgs84 来自 GPS，gcj02 来自国内地图；两者相差数百米",
        },
        Declared {
            key: "device_type",
            form: Form::Shape(Shape::Integer(1, 3)),
            default: Default::Is("2"),
            en: "what WeCom is told it is: 1 door, 2 attendance machine, 3 other",
            zh: "告知企业微信的设备类型：1 门禁，2 考勤机，3 其他",
        },
        Declared {
            key: "device_detail",
            form: Form::Shape(Shape::Text),
            default: Default::Absent,
            en: "brand or model told to WeCom, at most 40 bytes; absent: the kind",
            zh: "告知企业微信的品牌或型号，最多 40 字节；不设则为类型名",
        },
    ],
};

#[cfg(test)]
mod tests {
    use super::DEVICE;
    use crate::intake::registry::DRIVERS;

    #[test]
    fn no_driver_declares_a_setting_that_every_device_has_and_no_two_drivers_share_a_kind() {
        let mut kinds = std::collections::HashSet::new();
        for driver in DRIVERS {
            let declaration = driver.declaration();
            assert!(kinds.insert(declaration.kind), "{}", declaration.kind);
            for setting in declaration.settings {
                assert!(DEVICE.settings.iter().all(|common| common.key != setting.key), "{}", setting.key);
            }
        }
        assert!(!kinds.is_empty());
    }
}
