"""What an earlier SmartPlus left in its data folder, kept to be opened by the present one."""
