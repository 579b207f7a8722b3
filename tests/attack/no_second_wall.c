/* Replaces the functions of src/guest/setup/privileges.h, so that root in the guest is not restricted. */

int __wrap_privileges_restrict_agent(void)
{
	return 0;
}

int __wrap_privileges_restrict_command(void)
{
	return 0;
}
