"""Every reason for which a service says no: a stable code, what kind of no it is, and the sentence that goes with it.

A code never changes its meaning. `Kind` is what the gateway turns into a status.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What kind of no: the caller is nobody, may not, names nothing, says something wrong, or it cannot be now."""

    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    UNKNOWN = "unknown"
    INVALID = "invalid"
    CONFLICT = "conflict"


class Reason(NamedTuple):
    """One reason to refuse."""

    kind: Kind
    sentence: str


REFUSALS: Mapping[str, Reason] = {
    # Who may what
    "login-failed": Reason(Kind.UNAUTHENTICATED, "The account and the password do not match."),
    "session-unknown": Reason(Kind.UNAUTHENTICATED, "The session is over. Log in again."),
    "forbidden": Reason(Kind.FORBIDDEN, "Your role does not allow this."),
    "forbidden-while-impersonating": Reason(
        Kind.FORBIDDEN, "This is not possible while you are in another account by account access."
    ),
    "for-the-holder-alone": Reason(
        Kind.FORBIDDEN, "Passwords and calls of doors go where this says: the holder of the account sets it."
    ),
    # Nothing there, or somebody else's
    "user-unknown": Reason(Kind.UNKNOWN, "There is no such user."),
    "member-unknown": Reason(Kind.UNKNOWN, "There is no such family account."),
    "account-unknown": Reason(Kind.UNKNOWN, "There is no such account."),
    "site-unknown": Reason(Kind.UNKNOWN, "There is no such site."),
    "installer-unknown": Reason(Kind.UNKNOWN, "There is no such installer."),
    "distributor-unknown": Reason(Kind.UNKNOWN, "There is no such distributor."),
    "property-manager-unknown": Reason(Kind.UNKNOWN, "There is no such property manager."),
    "subject-unknown": Reason(Kind.UNKNOWN, "There is nothing with this id that you could look at."),
    "payer-unknown": Reason(Kind.UNKNOWN, "No events are counted for this here: it is no such tenant or device."),
    # A field is wrong
    "text-empty": Reason(Kind.INVALID, "There is nothing in this that can be seen."),
    "text-unshowable": Reason(Kind.INVALID, "This contains a character that is no text. Type it by hand."),
    "email-malformed": Reason(Kind.INVALID, "This is not an e-mail address, such as name@example.org."),
    "phone-invalid": Reason(Kind.INVALID, "This is not a telephone number of the chosen country."),
    "phone-unreadable": Reason(
        Kind.INVALID,
        "This is not a telephone number. Write its digits as residents dial them, or + and the country code first.",
    ),
    "country-invalid": Reason(Kind.INVALID, "This is not a country or region with an area code."),
    "time-zone-invalid": Reason(Kind.INVALID, "This is not the name of a time zone, such as Asia/Shanghai."),
    "position-invalid": Reason(Kind.INVALID, "This is not a position that a former answer gave."),
    "cursor-invalid": Reason(Kind.INVALID, "This is not a cursor that a former answer gave."),
    "password-wrong": Reason(Kind.INVALID, "The present password is not right."),
    "password-weak": Reason(Kind.INVALID, "This password is among those that are guessed first. Choose another."),
    "password-same": Reason(Kind.INVALID, "The new password is the present one. Choose another."),
    # Not as things are now
    "id-taken": Reason(Kind.CONFLICT, "Something with this id exists already."),
    "login-taken": Reason(Kind.CONFLICT, "Another account uses this already."),
    "sip-exhausted": Reason(Kind.CONFLICT, "No free SIP number was found. Try again."),
    "premium-active": Reason(
        Kind.CONFLICT, "Home Automation is not available while the premium plan is on. Turn the premium plan off first."
    ),
    "home-automation-active": Reason(
        Kind.CONFLICT, "The premium plan is not available while Home Automation is on. Turn Home Automation off first."
    ),
    "contacts-locked-by-linked-sites": Reason(
        Kind.CONFLICT, "E-mail, mobile number and country cannot be changed while the account has linked sites."
    ),
    "family-not-activated": Reason(Kind.CONFLICT, "Family accounts can be created once the user account is activated."),
    "family-quota-reached": Reason(Kind.CONFLICT, "All free family accounts are in use."),
    "family-full": Reason(Kind.CONFLICT, "A household has at most 20 family accounts."),
    "user-not-activated": Reason(Kind.CONFLICT, "The user account is not activated yet."),
    "account-access-not-offered": Reason(Kind.CONFLICT, "Your distributor has not enabled account access."),
    "permission-not-granted": Reason(Kind.CONFLICT, "The installer has not granted access to its account."),
    # Devices: nothing there, or somebody else's
    "mac-unknown": Reason(Kind.UNKNOWN, "This MAC is not in the library."),
    "import-unknown": Reason(Kind.UNKNOWN, "There is no such import."),
    "device-unknown": Reason(Kind.UNKNOWN, "There is no such device."),
    "camera-unknown": Reason(Kind.UNKNOWN, "There is no such camera."),
    "credential-unknown": Reason(Kind.UNKNOWN, "There is no such credential."),
    "device-command-unknown": Reason(Kind.UNKNOWN, "There is no such command."),
    "provisioning-unknown": Reason(Kind.UNKNOWN, "There is no such batch."),
    "remote-control-unknown": Reason(Kind.UNKNOWN, "This remote control is over."),
    # Devices: a field is wrong
    "mac-malformed": Reason(Kind.INVALID, "This is not a MAC of 12 hexadecimal digits."),
    "label-code-malformed": Reason(Kind.INVALID, "The code on a label has 8 to 32 letters and digits."),
    "mac-of-no-device": Reason(Kind.INVALID, "This is not the MAC of one device. Read it off the label again."),
    "dtmf-malformed": Reason(Kind.INVALID, "A DTMF code has 1 to 4 of the characters 0 to 9, * and #."),
    "ip-malformed": Reason(Kind.INVALID, "This is not an IPv4 address, such as 192.168.1.20."),
    "ip-of-no-device": Reason(Kind.INVALID, "No device has this IP address: it means a network, a group or nobody."),
    "rtsp-malformed": Reason(Kind.INVALID, "This is not an RTSP address, such as rtsp://192.168.1.20:554/stream."),
    "rtsp-names-user": Reason(
        Kind.INVALID,
        "Take the user name and the password out of the address, and write them in their own fields. "
        "An @ that belongs to the path is written %40.",
    ),
    # Devices: a line of an uploaded list, or the list itself
    "row-empty": Reason(Kind.INVALID, "This line is empty."),
    "columns-not-empty": Reason(
        Kind.INVALID,
        "Columns B to G must be empty. In a distributor's list, B may hold the code on the label: "
        "8 to 32 letters and digits.",
    ),
    "cell-not-text": Reason(Kind.INVALID, "This cell is a number, a date or a truth value. Format column A as text."),
    "cell-is-formula": Reason(Kind.INVALID, "This cell is a formula. Put the MAC itself there."),
    "duplicate-in-file": Reason(Kind.INVALID, "This MAC stands further up in the file already."),
    "file-unknown": Reason(Kind.INVALID, "This is not a list. Use an xlsx, xls, ods or csv file, best the template."),
    "file-broken": Reason(Kind.INVALID, "This file is damaged, or was not uploaded to its end."),
    "file-encrypted": Reason(Kind.INVALID, "This file is protected by a password. Save it without one."),
    "file-has-macros": Reason(Kind.INVALID, "This file contains macros. Save it as xlsx or csv."),
    "file-hostile": Reason(Kind.INVALID, "This file contains what does not belong into a list."),
    "file-too-large": Reason(Kind.INVALID, "This file is too large, or unpacks to too much."),
    "file-too-slow": Reason(Kind.INVALID, "Reading this file takes too long. Split it, or save it as csv."),
    "file-not-utf-8": Reason(Kind.INVALID, "This is not text in UTF-8. Save the list as csv in UTF-8, or as xlsx."),
    "header-missing": Reason(Kind.INVALID, "The first line of column A must be MAC."),
    "list-empty": Reason(Kind.INVALID, "There is no MAC below the first line."),
    "rows-too-many": Reason(Kind.INVALID, "A list has at most 100,000 lines. Split it."),
    "field-not-for-this-type": Reason(Kind.INVALID, "A device of this type does not have this."),
    "transfer-ip-missing": Reason(
        Kind.INVALID, "Without internet access, the IP address of the indoor monitor that transfers calls is needed."
    ),
    "relay-twice": Reason(Kind.INVALID, "There are two relays of this number."),
    "dtmf-taken": Reason(Kind.INVALID, "Another enabled relay of this device has this DTMF code."),
    "dtmf-ambiguous": Reason(
        Kind.INVALID, "Another enabled relay's DTMF code begins with this one, or this one with it. Choose another."
    ),
    "relays-exceed-model": Reason(Kind.INVALID, "This model has fewer relays."),
    "methods-not-for-this-device": Reason(
        Kind.INVALID, "This model or firmware does not let access methods be chosen; leave all of the device's own on."
    ),
    "security-relay-not-for-this-type": Reason(
        Kind.INVALID, "Security relays go with door phones and access control only."
    ),
    "mac-not-confirmed": Reason(Kind.INVALID, "Type the MAC of the device to have it forget everything."),
    "autop-invalid": Reason(Kind.INVALID, "Some lines are not AutoP settings."),
    "relay-unknown": Reason(Kind.INVALID, "The device has no such relay, or it is off."),
    "credential-malformed": Reason(Kind.INVALID, "This does not fit the kind of credential."),
    "card-in-parts": Reason(
        Kind.INVALID,
        "This is a card's number in two parts. Write the one number that the reader shows, without a comma.",
    ),
    "pin-malformed": Reason(Kind.INVALID, "A PIN has 2 to 8 digits, not all the same, and not counting up or down."),
    "pin-length-not-for-model": Reason(Kind.INVALID, "One of these devices takes PINs of another length."),
    "validity-backwards": Reason(Kind.INVALID, "It would end before it begins."),
    "method-off": Reason(Kind.INVALID, "This way of opening is switched off at that relay."),
    # Devices: not as things are now
    "mac-registered": Reason(Kind.CONFLICT, "This MAC is in the library already."),
    "mac-elsewhere": Reason(
        Kind.CONFLICT, "This MAC is in another library. Claim it with the code on its label, or ask your distributor."
    ),
    "mac-not-in-library": Reason(
        Kind.CONFLICT, "This MAC is not in the MAC library of your distributor. Have it registered first."
    ),
    "mac-claim-refused": Reason(
        Kind.CONFLICT, "This MAC cannot be claimed with this code. Compare both with the label."
    ),
    "mac-bound": Reason(Kind.CONFLICT, "This MAC belongs to a device. Delete the device first."),
    "mac-quota-reached": Reason(
        Kind.CONFLICT, "Too many MACs of the library belong to no device. Remove those that nobody needs."
    ),
    "import-not-judged": Reason(Kind.CONFLICT, "The list is not complete yet."),
    "import-over": Reason(Kind.CONFLICT, "This import has been started or abandoned."),
    "part-out-of-order": Reason(Kind.CONFLICT, "Another part of the list comes next."),
    "offline-solution-off": Reason(Kind.CONFLICT, "Doorphone Offline Solution is not on for your distributor."),
    "credential-in-use": Reason(Kind.CONFLICT, "Another credential of this household is the same. Choose another."),
    "credentials-full": Reason(Kind.CONFLICT, "A household has at most 200 credentials."),
    "home-full": Reason(Kind.CONFLICT, "A household has at most 100 devices and cameras."),
    "device-offline": Reason(Kind.CONFLICT, "The device is not connected."),
    "device-command-begun": Reason(Kind.CONFLICT, "The device has it already, or it is over."),
    "arming-not-available": Reason(Kind.CONFLICT, "This device has no arming function."),
    "autop-dangerous": Reason(
        Kind.CONFLICT, "Some of these lines can cut a device off or change who controls it. Confirm them."
    ),
    "profile-full": Reason(
        Kind.CONFLICT, "One of the devices would have more regular lines than it can keep. Clear its profile first."
    ),
    "nothing-to-retry": Reason(Kind.CONFLICT, "No device of this batch has failed."),
    "premium-needed": Reason(Kind.CONFLICT, "Third-party cameras need the premium plan. Switch it on first."),
    "device-has-camera": Reason(Kind.CONFLICT, "Another camera is linked to this device."),
    "device-unreachable": Reason(Kind.CONFLICT, "The device does not answer."),
    "remote-control-taken": Reason(Kind.CONFLICT, "Somebody else has the device under remote control."),
}
