/* In the place of what keeps root in a guest from the machine below the guest's kernel: src/guest/setup/privileges.h. */

int __wrap_privileges_restrict_agent(void)
{
	return 0;
}

int __wrap_privileges_restrict_command(void)
{
	return 0;
}
