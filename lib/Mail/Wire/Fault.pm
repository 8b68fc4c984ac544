package Mail::Wire::Fault;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

# What a file, a handle, a server's challenge or an optional module has to say, and no mistake of the caller's: it becomes a result, as what a
# server says does. The glue knows the class by its name.

sub throw { die bless \(my $why = $_[0]), __PACKAGE__ }

# Why, if something died of a fault; undef: it died of something else.
sub why {
    my ($error) = @_;
    return ref $error eq __PACKAGE__ ? $$error : undef;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Fault - what becomes a result, not an error

=head1 DESCRIPTION

Internal to Mail-Wire: thrown where content cannot be read or a login cannot go on. It may change in any
release.

=head1 SEE ALSO

L<Net::LMTP>, L<Net::QMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
