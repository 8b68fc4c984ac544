package Mail::Wire::Queue::Pool;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Pool ();

our @ISA = ('Mail::Wire::Pool');

# A pool whose user does something else now and then while it waits: a worker says that it lives, however long a server says nothing.

# Code, and after how many seconds it is called again.
sub beats {
    my ($self, $code, $seconds) = @_;
    @{$self}{qw(beat every)} = ($code, $seconds);
    return $self;
}

sub collect {
    my ($self) = @_;
    while ($self->in_flight and $self->unanswered == $self->in_flight) {
        $self->{beat}->();
        $self->_wait_a_while;
    }
    return $self->SUPER::collect;
}

sub _wait_a_while {
    my ($self) = @_;
    local $self->{busy} = $self->_enter('collect');
    return $self->_turn($self->{every});
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Queue::Pool - a pool that says that it lives

=head1 DESCRIPTION

Internal to Mail-Wire: the L<Mail::Wire::Pool> of C<mailwire worker>. It may change in any release.

=head1 SEE ALSO

L<mailwire>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
