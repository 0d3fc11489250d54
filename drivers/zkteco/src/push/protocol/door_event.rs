//! What the numbers of door events mean: whether somebody presented themselves and was let through, or something else happened.
//!
//! The numbers are those of the vendor's Security PUSH V4.8, appendices 2 and 19; which of them a second source has is in
//! docs/sources/push.md. Ranges: 0–19, 200–253 and 4000–4999 are normal, 20–99 and 5000–5999 refusals, 100–199 and 6000–6999
//! alarms. Normal is not yet somebody's presence: doors are opened from afar, by a button, or stay open by a plan.

use punchd_contract::Text;

/// What an event means for attendance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Somebody presented themselves and was let through.
    Passed,
    /// Something else, in English and Chinese.
    NoPunch(&'static str, &'static str),
    /// A number that is in no list.
    Unknown,
}

/// The meaning of a number.
pub fn meaning(code: u16) -> Meaning {
    if PASSED.contains(&code) {
        return Meaning::Passed;
    }
    match OTHERS.binary_search_by_key(&code, |(known, ..)| *known).ok().and_then(|at| OTHERS.get(at)) {
        Some((_, en, zh)) => Meaning::NoPunch(en, zh),
        None => match code {
            20..=99 | 5000..=5999 => {
                Meaning::NoPunch("refused at the door, for a reason that is not listed", "门禁拒绝（原因未列出）")
            }
            100..=199 | 6000..=6999 => Meaning::NoPunch("an alarm that is not listed", "未列出的报警"),
            _ => Meaning::Unknown,
        },
    }
}

/// The words for an event that is no punch.
pub fn words(code: u16, meaning: Meaning) -> Text {
    let (en, zh) = match meaning {
        Meaning::Passed => ("let through", "正常通行"),
        Meaning::NoPunch(en, zh) => (en, zh),
        Meaning::Unknown => (
            "unknown event code: ask the vendor what it means, and set `count_events` if it is attendance",
            "未知事件代码：请向厂家确认含义，若属于考勤请设置 `count_events`",
        ),
    };
    Text::new(format!("event {code}: {en}"), format!("事件 {code}：{zh}"))
}

/// Somebody with a card, a finger, a face or a password went through.
const PASSED: [u16; 18] = [0, 1, 2, 3, 14, 15, 16, 17, 18, 19, 203, 207, 208, 215, 216, 218, 222, 232];

/// Everything else that is listed, by number.
const OTHERS: &[(u16, &str, &str)] = &[
    (4, "the emergency password opened the door: nobody in particular", "紧急密码开门，无法确定人员"),
    (5, "the door was opened in its always-open hours", "常开时间段开门"),
    (6, "a linkage was triggered", "触发联动"),
    (7, "an alarm was cancelled", "取消报警"),
    (8, "the door was opened from afar", "远程开门"),
    (9, "the door was closed from afar", "远程关门"),
    (10, "the always-open hours of the day were switched off", "禁用当天常开时间段"),
    (11, "the always-open hours of the day were switched on", "启用当天常开时间段"),
    (12, "an auxiliary output was switched on", "辅助输出打开"),
    (13, "an auxiliary output was switched off", "辅助输出关闭"),
    (20, "refused: too soon after the last time", "拒绝：操作间隔太短"),
    (21, "refused: the door is not in use at this hour (card)", "拒绝：门非有效时间段（刷卡）"),
    (22, "refused: outside the person's hours", "拒绝：非法时间段"),
    (23, "refused: no right to this door", "拒绝：非法访问"),
    (24, "refused: anti-passback", "拒绝：反潜"),
    (25, "refused: interlock with another door", "拒绝：互锁"),
    (26, "waiting for a second person (card)", "等待多人验证（刷卡）"),
    (27, "refused: the card or person is not registered", "拒绝：未登记"),
    (28, "the door stayed open too long", "门开超时"),
    (29, "refused: expired (card)", "拒绝：已过有效期（卡）"),
    (30, "refused: wrong password", "拒绝：密码错误"),
    (31, "refused: too soon after the last time (finger)", "拒绝：按指纹间隔太短"),
    (32, "waiting for a second person (finger)", "等待多人验证（指纹）"),
    (33, "refused: expired (finger)", "拒绝：已过有效期（指纹）"),
    (34, "refused: the finger is not registered", "拒绝：指纹未登记"),
    (35, "refused: the door is not in use at this hour (finger)", "拒绝：门非有效时间段（指纹）"),
    (36, "refused: the door is not in use at this hour (exit button)", "拒绝：门非有效时间段（出门按钮）"),
    (37, "the door cannot be closed in its always-open hours", "常开时间段无法关门"),
    (38, "refused: the card was reported lost", "拒绝：卡已挂失"),
    (39, "refused: black-listed", "拒绝：黑名单"),
    (40, "refused: several persons were needed (finger)", "拒绝：多人验证失败（指纹）"),
    (41, "refused: wrong way of identification", "拒绝：验证方式错误"),
    (42, "refused: wrong Wiegand format", "拒绝：韦根格式错误"),
    (43, "refused: the person is locked, or anti-passback timed out", "拒绝：人已锁定或反潜超时"),
    (44, "refused by the server's check", "拒绝：后台验证失败"),
    (45, "the server's check timed out", "后台验证超时"),
    (47, "a command could not be sent", "发送命令失败"),
    (48, "refused: several persons were needed (card)", "拒绝：多人验证失败（刷卡）"),
    (49, "refused: the door is not in use at this hour (password)", "拒绝：门非有效时间段（密码）"),
    (50, "refused: too soon after the last time (password)", "拒绝：按密码间隔太短"),
    (51, "waiting for a second person (password)", "等待多人验证（密码）"),
    (52, "refused: several persons were needed (password)", "拒绝：多人验证失败（密码）"),
    (53, "refused: expired (password)", "拒绝：已过有效期（密码）"),
    (54, "the battery is low", "电池电压过低"),
    (55, "the battery must be replaced", "需立即更换电池"),
    (56, "an operation that is not allowed", "非法操作"),
    (57, "running on the spare battery", "后备电源"),
    (58, "the door is always open: alarm", "常开报警"),
    (59, "administration that is not allowed", "非法管理"),
    (60, "the door is bolted from inside", "门被反锁"),
    (61, "identified twice", "重复验证"),
    (62, "refused: the person is barred", "拒绝：禁止用户"),
    (63, "refused: the door is locked", "拒绝：门已锁定"),
    (64, "the exit button outside its hours", "出门按钮不在时间段内操作"),
    (65, "an auxiliary input outside its hours", "辅助输入不在时间段内操作"),
    (66, "a reader's firmware update failed", "读头升级失败"),
    (67, "recognised from afar, and the device is not authorised", "远程比对成功（设备未授权）"),
    (68, "refused: body temperature", "拒绝：体温异常"),
    (69, "refused: no mask", "拒绝：口罩异常"),
    (70, "the face server could not be reached", "人脸比对服务器通信异常"),
    (71, "the face server answered wrongly", "人脸服务器响应异常"),
    (72, "a call was not answered", "呼叫无应答"),
    (73, "refused: the QR code is not valid", "拒绝：二维码无效"),
    (74, "refused: the QR code expired", "拒绝：二维码已过期"),
    (75, "refused: the combined identification timed out", "拒绝：组合验证超时"),
    (76, "no finger could be taken", "取不到指纹"),
    (77, "the network cable is not plugged in", "没插上网线"),
    (78, "the hotspot was lost", "设备热点异常断开"),
    (79, "the mobile network was lost", "移动网络异常断开"),
    (80, "refused: no right to this floor", "拒绝：无该楼层权限"),
    (100, "the device was opened: alarm", "防拆报警"),
    (101, "opened under duress (password)", "胁迫密码开门"),
    (102, "the door was forced open", "门被意外打开"),
    (103, "opened under duress (finger)", "胁迫指纹开门"),
    (104, "a card that is not valid, again and again: alarm", "无效卡刷卡报警"),
    (105, "the server cannot be reached", "无法连接服务器"),
    (106, "the battery failed", "电池掉电"),
    (107, "the mains failed", "市电掉电"),
    (108, "the master controller cannot be reached", "无法连接主控"),
    (109, "a reader was opened: alarm", "读头拆机报警"),
    (110, "a reader is offline: alarm", "读头离线报警"),
    (200, "the door was opened", "门已打开"),
    (201, "the door was closed", "门已关闭"),
    (202, "the exit button opened the door", "出门按钮开门"),
    (204, "the always-open hours ended", "门常开时间段结束"),
    (205, "set to always open from afar", "远程开门常开"),
    (206, "the device started", "设备启动"),
    (209, "the exit button was pressed while locked", "触发出门按钮（被锁定）"),
    (210, "opened by the fire alarm", "启动消防开门"),
    (211, "a super user closed the door", "超级用户关门"),
    (212, "lift control was switched on", "开启电梯控制功能"),
    (213, "lift control was switched off", "关闭电梯控制功能"),
    (214, "connected to the server", "成功连接服务器"),
    (217, "connected to the master controller", "成功连接主控"),
    (219, "the exit button in the always-open hours", "出门按钮常开时间段内验证"),
    (220, "an auxiliary input was disconnected", "辅助输入点断开"),
    (221, "an auxiliary input was shorted", "辅助输入点短路"),
    (223, "the server is asked", "后台验证"),
    (224, "the bell was rung", "按门铃"),
    (225, "an auxiliary input is normal", "辅助输入点正常"),
    (226, "an auxiliary input was triggered", "辅助输入点触发"),
    (227, "both leaves of the door are open", "门双开"),
    (228, "both leaves of the door are closed", "门双关"),
    (229, "an auxiliary output was switched on by plan", "辅助输出定时常开"),
    (230, "an auxiliary output was switched off by plan", "辅助输出定时关闭常开"),
    (231, "a camera linkage", "摄像机联动事件"),
    (233, "locked from afar", "远程锁定"),
    (234, "unlocked from afar", "远程解锁"),
    (235, "a reader's firmware was updated", "读头升级成功"),
    (236, "a reader's alarm ended", "读头拆机报警解除"),
    (237, "a reader is online", "读头在线"),
    (239, "a call from the device", "设备呼叫"),
    (240, "a call ended", "通话结束"),
    (241, "a linked picture was taken", "联动抓拍"),
    (242, "a linked video was taken", "联动录像"),
    (243, "the fire input was disconnected", "火警输入断开"),
    (244, "the fire input was shorted", "火警输入短路"),
    (245, "connected to the hotspot", "连上热点"),
    (246, "connected to the mobile network", "移动网络连接成功"),
    (247, "an extension board is online", "扩展板在线"),
    (248, "the network cable was plugged in", "插上网线"),
    (249, "a direct lift button was triggered", "梯控直达按键触发"),
    (250, "a lift button was pressed with the right to it", "梯控选层按键被触发（有权限）"),
    (251, "a lift button was cancelled by voice", "梯控语音取消按键"),
    (252, "a lift button was pressed by voice", "梯控语音触发按键"),
    (254, "an extended event without its number", "扩展事件（未给出编号）"),
    (255, "the state of the door", "门状态"),
    (4000, "opened by the fire alarm: over", "消防常开结束"),
    (
        4001,
        "a person, as listed by one document only: set `count_events` if it is attendance",
        "人员正常（仅一份文档列出）：若属于考勤请设置 `count_events`",
    ),
    (4002, "lift: configured", "梯控配置成功"),
    (4003, "lift: a card was reported lost", "梯控挂失成功"),
    (4004, "lift: a card was found again", "梯控解挂成功"),
    (4007, "a green health code", "绿码健康码"),
    (4008, "the mains are back", "市电恢复"),
    (4009, "a video call", "可视对讲呼叫"),
    (4010, "a video call was answered", "可视对讲接听"),
    (4011, "a video call timed out", "可视对讲呼叫超时"),
    (4012, "a video call was declined", "可视对讲拒接"),
    (4013, "a video call ended", "可视对讲挂断"),
    (5021, "refused: the QR code is not valid", "拒绝：二维码无效"),
    (6001, "a yellow health code", "黄码健康码"),
    (6002, "a red health code", "红码健康码"),
    (6005, "the device's memory is nearly full", "设备记录容量达到 90%"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_list_is_in_order_and_names_no_passage() {
        assert!(OTHERS.is_sorted_by_key(|(code, ..)| *code));
        assert!(OTHERS.iter().all(|(code, ..)| !PASSED.contains(code)));
    }

    #[test]
    fn passages_are_told_from_openings_refusals_and_alarms() {
        for code in [0, 1, 2, 3, 14, 19, 203, 222] {
            assert_eq!(meaning(code), Meaning::Passed, "{code}");
        }
        for code in [4, 5, 6, 7, 8, 9, 13, 22, 23, 24, 27, 29, 41, 99, 101, 199, 200, 202, 206, 5000, 6999] {
            assert!(matches!(meaning(code), Meaning::NoPunch(..)), "{code}");
        }
        for code in [46 + 300, 253, 999, 3999, 7000, u16::MAX] {
            assert_eq!(meaning(code), Meaning::Unknown, "{code}");
        }
        assert!(words(22, meaning(22)).en.contains("22"));
    }

    proptest! {
        #[test]
        fn no_refusal_and_no_alarm_is_ever_a_passage(code in any::<u16>()) {
            if matches!(code, 20..=199 | 5000..=6999) || code > 253 {
                prop_assert_ne!(meaning(code), Meaning::Passed);
            }
            let text = words(code, meaning(code));
            prop_assert!(text.en.contains(&code.to_string()) && text.zh.contains(&code.to_string()));
        }
    }
}
