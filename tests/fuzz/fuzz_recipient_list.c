/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a list of recipients, and as a table made of one. */
#include "policy/recipient_list.h"

#include "policy/mail/address.h"

#include <assert.h>
#include <sys/mman.h>
#include <talloc.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct recipient_list *load(const void *parent, const char *bytes, size_t size)
{
	struct recipient_list *list = recipient_list_new(parent);
	int descriptor = memfd_create("list", MFD_CLOEXEC);

	assert(descriptor >= 0);
	ssize_t written = write(descriptor, bytes, size);
	assert(written == (ssize_t)size);
	bool good = recipient_list_load(list, descriptor);
	close(descriptor);
	return good ? list : NULL;
}

/* Each line that is a plain address is found. */
static void find_all(const struct recipient_list *list, struct slice text)
{
	while (text.size) {
		struct slice line = slice_cut(&text, '\n');
		struct address *address = NULL;

		if (line.size && !strchr("@#< \t\r", line.data[0]))
			address = address_parse(NULL, line);
		if (address && address->domain[0])
			assert(recipient_list_has(list, address->local, address->domain, false));
		talloc_free(address);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *all = talloc_new(NULL);
	struct slice text = slice_make((const char *)data, size);
	struct recipient_list_fault fault;
	struct recipient_list *list;
	size_t table_size;
	char *table = recipient_list_compile(all, text, &table_size, &fault);

	assert(!table == !!fault.reason);
	if (table) {
		list = load(all, table, table_size);
		assert(list);
		find_all(list, text);
	}
	list = load(all, (const char *)data, size);
	if (list)
		recipient_list_has(list, "alice+tag", "a.example.com", true);
	talloc_free(all);
	return 0;
}
