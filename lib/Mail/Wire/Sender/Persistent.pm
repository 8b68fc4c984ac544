package Mail::Wire::Sender::Persistent;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Standard ();
use Moo::Role;

# For transports that keep their link. It is out of here while it is used: where that dies the link goes, with what is on it.
has _idle => (is => 'rw', init_arg => undef);

around _client => sub {
    my ($orig, $self) = @_;
    my $idle = $self->_take;
    return $idle ? ($idle, 1) : $self->$orig;
};

around _done_with => sub {
    my ($orig, $self, $client) = @_;
    $self->_idle([ $client, Mail::Wire::Standard::here() ]) if $client->is_connected;
    return;
};

sub disconnect {
    my ($self) = @_;
    my $idle = $self->_take;
    $idle->quit if $idle;
    return;
}

# Not what another process, or another thread, goes on using.
sub _take {
    my ($self) = @_;
    my ($client, $owner) = @{ $self->_idle || [] };
    $self->_idle(undef);
    return $client && $owner eq Mail::Wire::Standard::here() ? $client : undef;
}

no Moo::Role;
1;
