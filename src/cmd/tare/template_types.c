/* Docker's client shows its own types, not JSON: a list that is null is one without entries there, and what is left out of the document where
 * it is empty is there all the same. */
#include "cmd/tare/template_calls.h"

#include <string.h>

#include "base/cleanup.h"

enum left { IF_NULL, LEFT_OUT };
static const char no_text[] = "", no_entries[] = "[]", no_members[] = "map[]";
static const struct {
	const char *key;
	const char *in;    /* of this object only; NULL: of any */
	const char *beside; /* of one that has this member, too */
	const char *shown; /* NULL: <nil> */
	enum left left;
} typed[] = {
	{ "Aliases", NULL, NULL, no_entries, IF_NULL },
	{ "Binds", "HostConfig", NULL, no_entries, IF_NULL },
	{ "BlkioDeviceReadBps", "HostConfig", NULL, no_entries, IF_NULL },
	{ "BlkioDeviceReadIOps", "HostConfig", NULL, no_entries, IF_NULL },
	{ "BlkioDeviceWriteBps", "HostConfig", NULL, no_entries, IF_NULL },
	{ "BlkioDeviceWriteIOps", "HostConfig", NULL, no_entries, IF_NULL },
	{ "BlkioWeightDevice", "HostConfig", NULL, no_entries, IF_NULL },
	{ "CapAdd", "HostConfig", NULL, no_entries, IF_NULL },
	{ "CapDrop", "HostConfig", NULL, no_entries, IF_NULL },
	{ "Cmd", NULL, NULL, no_entries, IF_NULL },
	{ "DNSNames", NULL, NULL, no_entries, IF_NULL },
	{ "DeviceCgroupRules", "HostConfig", NULL, no_entries, IF_NULL },
	{ "DeviceRequests", "HostConfig", NULL, no_entries, IF_NULL },
	{ "Devices", "HostConfig", NULL, no_entries, IF_NULL },
	{ "Driver", NULL, "Destination", no_text, LEFT_OUT },
	{ "DriverOpts", NULL, NULL, no_members, IF_NULL },
	{ "Entrypoint", NULL, NULL, no_entries, IF_NULL },
	{ "Env", NULL, NULL, no_entries, IF_NULL },
	{ "ExecIDs", NULL, NULL, no_entries, IF_NULL },
	{ "ExposedPorts", "Config", NULL, no_members, LEFT_OUT },
	{ "ExtraHosts", "HostConfig", NULL, no_entries, IF_NULL },
	{ "Gateway", NULL, "Subnet", no_text, LEFT_OUT },
	{ "GroupAdd", "HostConfig", NULL, no_entries, IF_NULL },
	{ "Health", "State", NULL, NULL, LEFT_OUT },
	{ "Healthcheck", "Config", NULL, NULL, LEFT_OUT },
	{ "IPRange", NULL, "Subnet", no_text, LEFT_OUT },
	{ "Labels", NULL, NULL, no_members, IF_NULL },
	{ "Links", NULL, NULL, no_entries, IF_NULL },
	{ "Name", NULL, "Destination", no_text, LEFT_OUT },
	{ "OnBuild", NULL, NULL, no_entries, IF_NULL },
	{ "Options", NULL, NULL, no_members, IF_NULL },
	{ "OsVersion", NULL, "RootFS", no_text, LEFT_OUT },
	{ "SecondaryIPAddresses", NULL, NULL, no_entries, IF_NULL },
	{ "SecondaryIPv6Addresses", NULL, NULL, no_entries, IF_NULL },
	{ "SecurityOpt", "HostConfig", NULL, no_entries, IF_NULL },
	{ "Shell", "Config", NULL, no_entries, LEFT_OUT },
	{ "SizeRootFs", NULL, "HostConfig", NULL, LEFT_OUT },
	{ "SizeRw", NULL, "HostConfig", NULL, LEFT_OUT },
	{ "Source", NULL, "Destination", no_text, LEFT_OUT },
	{ "Status", NULL, "Mountpoint", no_members, LEFT_OUT },
	{ "StopSignal", "Config", NULL, no_text, LEFT_OUT },
	{ "StorageOpt", "HostConfig", NULL, no_members, IF_NULL },
	{ "Ulimits", "HostConfig", NULL, no_entries, IF_NULL },
	{ "Variant", NULL, "RootFS", no_text, LEFT_OUT },
	{ "Volumes", NULL, NULL, no_members, IF_NULL },
	{ "VolumesFrom", "HostConfig", NULL, no_entries, IF_NULL },
};

bool template_typed(const struct json *of, const char *key, const struct json *v, const char **shown)
{
	for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
		if (strcmp(typed[i].key, key) != 0 || (typed[i].in && (!of->key || strcmp(typed[i].in, of->key) != 0)) ||
		    (typed[i].beside && !json_get(of, typed[i].beside)) || (!v && typed[i].left != LEFT_OUT))
			continue;
		*shown = typed[i].shown;
		return true;
	}
	return false;
}
