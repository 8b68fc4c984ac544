package Mail::Wire::Delivery;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

# `is_success` is the glue's.
use Mail::Wire ();
use overload '@{}' => sub { scalar $_[0]->results }, fallback => 1;

# A reference to an array's reference, as the glue makes it: what is used as a list is the results.
use constant { ID => 0, RESULTS => 1, TAG => 2, ATTEMPTS => 3 };

sub new {
    my ($class, $id, $results) = @_;
    return bless \[ $id, $results ], $class;
}

sub id { ${ $_[0] }->[ID] }

# A pool's, else none and the one.
sub tag      { ${ $_[0] }->[TAG] }
sub attempts { defined ${ $_[0] }->[ATTEMPTS] ? ${ $_[0] }->[ATTEMPTS] : 1 }

sub results {
    my $results = ${ $_[0] }->[RESULTS];
    return wantarray ? @$results : $results;
}

# The worst that became of a recipient is what became of the delivery.
sub is_failure { grep({ $_->is_failure } @{ $_[0] }) ? 1 : 0 }
sub is_deferral { !$_[0]->is_success && !$_[0]->is_failure }

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

What became of one message: C<collect> of L<Net::LMTP> and L<Net::QMTP> returns it for a message that was handed over by
C<submit>, and C<deliver> in scalar context; C<collect> of L<Mail::Wire::Pool> does, too. It is a reference to the list of its results as well:

    print $_->as_string, "\n" for @$delivery;

=head1 METHODS

=head2 id

The number that C<submit> returned: 1 for the first delivery of an object, 2 for the next. C<deliver> counts along.

=head2 results

One L<Mail::Wire::Result> per recipient, in the order of C<To>: a list, in scalar context a reference to it.

=head2 tag

What C<submit> of L<Mail::Wire::Pool> was given as C<Tag>; undef for deliveries of other classes.

=head2 attempts

How often a L<Mail::Wire::Pool> has tried to send the message, see there; 1 for deliveries of other classes.

=head2 is_success

True when every recipient's result is a success.

=head2 is_failure, is_deferral

True when the message was refused for good for a recipient; when it was for none, and there is one for whom it may be tried again.
So one of the three is true: the worst that became of a recipient.

=head1 SEE ALSO

L<Net::LMTP>, L<Net::QMTP>, L<Mail::Wire::Pool>, L<Mail::Wire::Result>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This program is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
