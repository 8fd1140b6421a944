#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "api/docker/fields.h"

static const struct json *parse(struct arena *a, const char *text)
{
	const struct json *doc;
	struct err e = { 0 };

	assert_int_equal(json_parse(a, text, strlen(text), NULL, &doc, &e), 0);
	return doc;
}

static void take(struct arena *a, const char *text, struct ct_options *out)
{
	struct err e = { 0 };
	struct strv ignored = { 0 };

	*out = (struct ct_options){ 0 };
	if (fields_create(a, parse(a, text), out, &ignored, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
}

static void refused(struct arena *a, const char *text)
{
	struct ct_options o = { 0 };
	struct err e = { 0 };
	struct strv ignored = { 0 };

	assert_true(fields_create(a, parse(a, text), &o, &ignored, &e) < 0);
	assert_int_equal(e.cls, ERR_INVALID);
}

static void tables(void **state)
{
	static const struct field *const all[] = { field_config, field_host, field_resources };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		for (const struct field *f = all[i]; f->name; f++) {
			assert_int_equal(f->how == FIELD_HONOURED, f->take != NULL);
			assert_true(f->how == FIELD_HONOURED || f->why);
		}
}

static void mounts(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ct_options o, once;

	(void)state;
	take(&a,
	     "{\"Volumes\":{\"/data/\":{},\"/own\":{}},\"HostConfig\":{\"Binds\":[\"/a:/data:ro\"],\"Tmpfs\":{\"/t\":\"size=1m\",\"/u\":\"\"},\"Mounts\":["
	     "{\"Type\":\"bind\",\"Source\":\"/a,\\\"b\",\"Target\":\"/c\",\"ReadOnly\":true,\"BindOptions\":{\"Propagation\":\"rslave\",\"NonRecursive\":true}},"
	     "{\"Type\":\"volume\",\"Source\":\"v\",\"Target\":\"/v\",\"VolumeOptions\":{\"NoCopy\":true,\"Labels\":{\"a\":\"b\"},\"DriverConfig\":{\"Name\":\"local\","
	     "\"Options\":{\"type\":\"nfs\"}},\"Subpath\":\"s\"}},"
	     "{\"Type\":\"tmpfs\",\"Target\":\"/m\",\"TmpfsOptions\":{\"SizeBytes\":4096,\"Mode\":511}},"
	     "{\"Type\":\"bind\",\"Source\":\"/new:x\",\"Target\":\"/n\",\"BindOptions\":{\"CreateMountpoint\":true,\"NonRecursive\":true}}]}}",
	     &o);
	assert_int_equal(o.volumes.n, 2);
	assert_string_equal(o.volumes.v[0], "/a:/data:ro");
	assert_string_equal(o.volumes.v[1], "/own"); /* /data is the bind's */
	take(&a, "{\"Volumes\":{\"/mnt\":{}},\"HostConfig\":{\"Binds\":[\"/mnt\"]}}", &once); /* Python's client says it twice */
	assert_int_equal(once.volumes.n, 1);
	assert_int_equal(o.mounts.n, 4);
	assert_string_equal(o.mounts.v[0], "type=bind,\"source=/a,\"\"b\",target=/c,readonly=true,bind-propagation=rslave,bind-nonrecursive=true");
	assert_string_equal(o.mounts.v[1], "type=volume,source=v,target=/v,volume-nocopy=true,volume-subpath=s,volume-driver=local,volume-label=a=b,volume-opt=type=nfs");
	assert_string_equal(o.mounts.v[2], "type=tmpfs,target=/m,tmpfs-size=4096,tmpfs-mode=0777");
	assert_string_equal(o.mounts.v[3], "type=bind,source=/new:x,target=/n,bind-nonrecursive=true,bind-create=true");
	assert_string_equal(o.tmpfs.v[0], "/t:size=1m");
	assert_string_equal(o.tmpfs.v[1], "/u");
}

static void networks(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ct_options o;

	(void)state;
	take(&a, "{\"HostConfig\":{\"NetworkMode\":\"default\"},\"NetworkingConfig\":{\"EndpointsConfig\":{\"default\":{\"IPAMConfig\":null,\"Aliases\":null}}}}", &o);
	assert_int_equal(o.networks.n, 1);
	assert_string_equal(o.networks.v[0], "bridge");
	take(&a, "{\"HostConfig\":{\"NetworkMode\":\"two\"},\"NetworkingConfig\":{\"EndpointsConfig\":{\"one\":{\"MacAddress\":\"02:00:00:00:00:01\",\"GwPriority\":5},"
		 "\"two\":{\"IPAMConfig\":{\"IPv4Address\":\"10.0.0.2\",\"LinkLocalIPs\":[\"169.254.1.1\"]},\"Aliases\":[\"x\",\"y\"],\"Links\":[\"db:d\"]}}}}",
	     &o);
	assert_int_equal(o.networks.n, 2);
	assert_string_equal(o.networks.v[0], "name=two,ip=10.0.0.2,link-local-ip=169.254.1.1,alias=x,alias=y");
	assert_string_equal(o.networks.v[1], "name=one,mac-address=02:00:00:00:00:01,gw-priority=5");
	assert_string_equal(o.links.v[0], "db:d");
	take(&a, "{\"HostConfig\":{\"NetworkMode\":\"a=b\"}}", &o); /* no option: a name that no network has */
	assert_string_equal(o.networks.v[0], "name=a=b");
	take(&a, "{\"HostConfig\":{\"NetworkMode\":\"n\"},\"NetworkingConfig\":{\"EndpointsConfig\":{\"n\":{\"Aliases\":[\"x,ip=10.0.0.9\"],\"DriverOpts\":{\"k\":\"1,2\"}}}}}", &o);
	assert_string_equal(o.networks.v[0], "name=n,\"alias=x,ip=10.0.0.9\",\"driver-opt=k=1,2\"");
	refused(&a, "{\"NetworkingConfig\":{\"EndpointsConfig\":{\"n\":{\"MacAddress\":7}}}}");
	refused(&a, "{\"NetworkingConfig\":{\"EndpointsConfig\":{\"n\":{\"GwPriority\":\"high\"}}}}");
	refused(&a, "{\"NetworkingConfig\":{\"EndpointsConfig\":{\"n\":{\"DriverOpts\":{\"k\":1}}}}}");
	take(&a, "{\"NetworkDisabled\":true}", &o);
	assert_string_equal(o.networks.v[0], "none");
	take(&a, "{\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"},{\"HostIp\":\"::1\",\"HostPort\":\"\"}],\"53/udp\":null,"
		 "\"22/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"0\"}]}}}",
	     &o);
	assert_int_equal(o.publish.n, 4);
	assert_string_equal(o.publish.v[0], "8080:80/tcp");
	assert_string_equal(o.publish.v[1], "[::1]::80/tcp");
	assert_string_equal(o.publish.v[2], "53/udp");
	assert_string_equal(o.publish.v[3], "127.0.0.1::22/tcp");
}

static void the_rest(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ct_options o;
	const char *restart;
	struct err e = { 0 };

	(void)state;
	take(&a, "{\"Entrypoint\":\"one word\",\"Cmd\":\"x\",\"Healthcheck\":{\"Test\":[\"NONE\"]},\"HostConfig\":{\"NanoCpus\":1500000000,\"Memory\":-1,"
		 "\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":4},\"ReadonlyPaths\":[],\"MaskedPaths\":[],\"MemorySwappiness\":0,"
		 "\"Ulimits\":[{\"Name\":\"core\",\"Soft\":-1,\"Hard\":-1}],\"Devices\":[{\"PathOnHost\":\"/dev/fuse\"}],\"BlkioDeviceReadBps\":[{\"Path\":\"/dev/sda\",\"Rate\":7}],"
		 "\"DeviceRequests\":[{\"Driver\":\"\",\"Count\":-1},{\"Driver\":\"cdi\",\"DeviceIDs\":[\"v.com/c=x\"]}]}}",
	     &o);
	assert_string_equal(o.entrypoint, "one word");
	assert_int_equal(o.entrypoint_args.n, 0);
	assert_true(o.no_healthcheck);
	assert_string_equal(o.cpus, "1.500000000");
	assert_string_equal(o.memory, "-1");
	assert_string_equal(o.restart, "on-failure:4");
	assert_int_equal(o.security_opt.n, 0);
	assert_int_equal(o.masked_paths->n, 0);
	assert_int_equal(o.readonly_paths->n, 0);
	assert_int_equal(*o.memory_swappiness, 0);
	assert_string_equal(o.ulimits.v[0], "core=-1:-1");
	assert_string_equal(o.devices.v[0], "/dev/fuse:/dev/fuse:rwm");
	assert_string_equal(o.devices.v[1], "v.com/c=x");
	assert_string_equal(o.gpus.v[0], "all");
	assert_string_equal(o.io[CT_IO_READ_BPS].v[0], "/dev/sda:7");
	o = (struct ct_options){ 0 };
	assert_int_equal(fields_update(&a, parse(&a, "{\"Memory\":5,\"RestartPolicy\":{\"Name\":\"always\"},\"CpuShares\":0}"), &o, &restart, &e), 0);
	assert_string_equal(o.memory, "5");
	assert_string_equal(restart, "always");
	assert_null(o.cpu_shares);
	assert_true(fields_update(&a, parse(&a, "{\"Binds\":[\"/a:/b\"]}"), &o, &restart, &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tables), cmocka_unit_test(mounts), cmocka_unit_test(networks), cmocka_unit_test(the_rest) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
