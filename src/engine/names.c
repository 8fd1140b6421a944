#include "engine/names.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/text.h"
#include "engine/record.h"

static const char *const adjectives[] = {
	"airy", "amber", "ample", "apt", "arctic", "balmy", "blithe", "bold", "brave", "breezy", "bright", "brisk",
	"calm", "candid", "cheery", "civil", "clear", "clever", "coastal", "cosy", "crisp", "curious", "dapper", "daring",
	"deft", "dewy", "eager", "early", "earnest", "easy", "fair", "fleet", "fluent", "fond", "frank", "fresh",
	"frosty", "gentle", "glad", "golden", "grand", "green", "handy", "hardy", "hazel", "hearty", "honest", "humble",
	"ivory", "jolly", "keen", "kind", "lively", "loyal", "lucid", "lunar", "mellow", "merry", "mild", "misty",
	"modest", "neat", "nimble", "noble", "open", "patient", "placid", "polite", "prompt", "proud", "quick", "quiet",
	"rapid", "ready", "robust", "rosy", "rural", "sandy", "serene", "sharp", "shiny", "silent", "simple", "sleek",
	"smooth", "snug", "sober", "solar", "sonic", "spry", "steady", "stellar", "still", "sturdy", "sunny", "swift",
	"tidy", "tranquil", "trim", "upbeat", "valiant", "vivid", "warm", "witty", "young", "zesty",
};

/* Things that carry, hold or move other things, and some that live by water. */
static const char *const nouns[] = {
	"anchor", "ark", "barge", "barrel", "basin", "basket", "beacon", "bin", "boat", "bobbin", "bollard", "bottle",
	"bowl", "box", "bridge", "bucket", "buoy", "canal", "canoe", "capsule", "carafe", "caravel", "cart", "case",
	"cask", "chest", "clipper", "coffer", "cradle", "crane", "crate", "creel", "cutter", "davit", "derrick", "dinghy",
	"dock", "dory", "drum", "ferry", "flask", "flume", "freighter", "galley", "gantry", "gull", "hamper", "harbor",
	"heron", "hold", "hopper", "hull", "jar", "jetty", "jug", "junk", "kayak", "keel", "keg", "ketch",
	"lagoon", "launch", "ledger", "lighter", "locker", "lugger", "mast", "mooring", "oar", "osprey", "otter", "packet",
	"pail", "pallet", "pannier", "parcel", "pelican", "pier", "pilot", "pinnace", "port", "pouch", "puffin", "quay",
	"raft", "rigging", "rudder", "sack", "satchel", "schooner", "sextant", "skiff", "sloop", "spool", "tanker", "tender",
	"tern", "tiller", "trawler", "trolley", "trough", "trunk", "tub", "tug", "urn", "vessel", "wagon", "wharf",
	"winch", "yawl",
};

int name_check(const char *name, const char *of, struct err *e)
{
	size_t len = strlen(name);
	bool good = len >= 2 && len <= NAME_MAX_LEN && isalnum((unsigned char)name[0]);

	for (const char *p = name; *p && good; p++)
		good = isalnum((unsigned char)*p) || strchr("_.-", *p);
	if (good)
		return 0;
	return err_set(e, ERR_INVALID,
		       "\"%.140s\" is no name for a %s: 2 to %d letters, digits, '_', '.' or '-', a letter or digit first", name, of,
		       NAME_MAX_LEN);
}

int name_check_network(const char *name, struct err *e)
{
	size_t len = strlen(name);
	bool good = len >= 1 && len <= NAME_MAX_LEN && (isalnum((unsigned char)name[0]) || name[0] == '_') && name[len - 1] != ' ';

	for (const char *p = name; *p && good; p++)
		good = isalnum((unsigned char)*p) || strchr("_.-+@~ ", *p);
	if (good && text_is_hex(name, ID_LEN))
		return err_set(e, ERR_INVALID, "\"%s\" is no name for a network: it could be the id of one", name);
	return good ? 0 : err_set(e, ERR_INVALID, "\"%.140s\" is no name for a network: 1 to %d letters, digits, '_', '.', '-', '+', '@', '~' or blanks between, a letter or digit first",
				  name, NAME_MAX_LEN);
}

int name_generate(unsigned int attempt, char out[64], struct err *e)
{
	uint32_t r[3];

	if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return err_errno(e, -errno, "make up a name");
	if (attempt > 3)
		snprintf(out, 64, "%s_%s%u", adjectives[r[0] % ARRAY_LEN(adjectives)], nouns[r[1] % ARRAY_LEN(nouns)],
			 r[2] % 1000000);
	else
		snprintf(out, 64, "%s_%s", adjectives[r[0] % ARRAY_LEN(adjectives)], nouns[r[1] % ARRAY_LEN(nouns)]);
	return 0;
}
