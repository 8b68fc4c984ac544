package Mail::Wire::Delivery;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

# `is_success` is the glue's.
use Mail::Wire ();

# An array, as the glue makes it.
use constant { ID => 0, RESULTS => 1 };

sub new {
    my ($class, $id, $results) = @_;
    return bless [ $id, $results ], $class;
}

sub id { $_[0][ID] }

sub results { wantarray ? @{ $_[0][RESULTS] } : $_[0][RESULTS] }

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Delivery - a finished delivery

=head1 SYNOPSIS

    while (my $delivery = $client->collect) {
        next if $delivery->is_success;
        print $delivery->id, ': ', $_->as_string, "\n" for $delivery->results;
    }

=head1 DESCRIPTION

What C<collect> of L<Net::LMTP> and L<Net::QMTP> returns: the results of one message that was handed over by
C<submit>.

=head1 METHODS

=head2 id

The number that C<submit> returned: 1 for the first delivery of an object, 2 for the next.

=head2 results

One L<Mail::Wire::Result> per recipient, in the order of C<To>: a list, in scalar context a reference to it.

=head2 is_success

True when every recipient's result is a success.

=head1 SEE ALSO

L<Net::LMTP>, L<Net::QMTP>, L<Mail::Wire::Result>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This program is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
