/* What writer and reader of wire/dbus share. */
#ifndef TARE_WIRE_DBUS_TYPES_H
#define TARE_WIRE_DBUS_TYPES_H

#include <stdbool.h>
#include <stddef.h>

enum dbus_field {
	DBUS_FIELD_PATH = 1,
	DBUS_FIELD_INTERFACE,
	DBUS_FIELD_MEMBER,
	DBUS_FIELD_ERROR_NAME,
	DBUS_FIELD_REPLY_SERIAL,
	DBUS_FIELD_DESTINATION,
	DBUS_FIELD_SENDER,
	DBUS_FIELD_SIGNATURE,
	DBUS_FIELD_UNIX_FDS
};

/* 1, 2, 4 or 8; 0 for what is no type. */
size_t dbus_type_alignment(char type);
/* Any number of complete types. */
bool dbus_signature_valid(const char *sig, size_t len);

#endif
