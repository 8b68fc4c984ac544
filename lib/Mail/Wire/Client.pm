package Mail::Wire::Client;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(carp croak);
use Mail::Wire ();
use Mail::Wire::Delivery ();
use Mail::Wire::Fault ();
use Mail::Wire::Source ();
use Mail::Wire::TLS ();
use Scalar::Util qw(openhandle);

our @CARP_NOT = (
    'Net::LMTP', 'Net::QMTP', 'Mail::Wire::Deliveries', 'Mail::Wire::Packages',
    'Mail::Wire::Pool', 'Mail::Wire::Pool::Job', 'Mail::Wire::Pool::Link', 'Mail::Wire::Pool::Links',
);

# deliver, submit, collect and what event loops need: what Net::LMTP and Net::QMTP have in common. The three are the glue's; it calls
# _go where the caller's code or another link is needed. Each class brings
#
#   _link               the connection's handle
#   _facts              a reference to a hash of its own; `jobs` in it has what Perl must know of a delivery (progress, shown, total, source),
#                       `calling` which one's code runs, `in_callback` that some does, `nonblocking` that nobody may wait
#   _run                moves bytes; arguments and values below
#   _unanswered  _sent  in_flight  _timeout_in
#   _feed               what WANTS asks for
#   _relink             what UNLINKED asks for; false: that would have to wait
#   _callback_died      the caller's code for delivery `calling` died, or its content cannot be read, and why

# What _run runs for (UNTIL_DONE ..) and what it says (REACHED ..) are constants that the glue makes: xs/running.h has them.

# Turns of the caller's code in a call that must not wait, before others have theirs.
use constant TURNS_MAX => 16;

# For the glue: they name the line that called it. What was croaked last tells a pool the mistake in a message from what a handler died of.
our $croaked;

sub _croak {
    $croaked = Carp::shortmess($_[0]);
    die $croaked;
}
sub _carp  { carp $_[0]; return }

# ---------------------------------------------------------------- TLS

# What is said to IO::Socket::SSL is said to the handle below. It may be the object itself: a script has blessed it so.
foreach my $method (qw(
    dump_peer_certificate get_cipher get_fingerprint get_fingerprint_bin get_sslversion get_sslversion_int peer_certificate peer_certificates
    sock_certificate)) {
    no strict 'refs';    ## no critic (ProhibitNoStrict)
    *{$method} = sub {
        my $ssl = shift->sslhandle or return;
        return IO::Socket::SSL->can($method)->($ssl, @_);
    };
}

sub can_ssl {
    local ($@, $!);
    return Mail::Wire::TLS::is_there() ? 'IO::Socket::SSL' : undef;
}

sub is_tls { $_[0]->sslhandle ? 1 : 0 }

sub sslhandle {
    my $link = $_[0]->_link;
    return $link ? Mail::Wire::TLS::under($link) : undef;
}

# ---------------------------------------------------------------- running

sub _jobs { $_[0]->_facts->{jobs} ||= {} }

sub _show_progress {
    my ($self) = @_;
    my $jobs = $self->_jobs;
    foreach my $id (sort { $a <=> $b } grep { $jobs->{$_}{progress} } keys %$jobs) {
        my ($job, $sent) = ($jobs->{$id}, $self->_sent($id));
        next if $sent <= $job->{shown};
        $job->{shown} = $sent;
        $self->_facts->{calling} = $id;
        $job->{progress}->($sent, $job->{total});
    }
    return;
}

# Whether the code came to its end, and what it died of; $@ stays what it was.
sub _try {
    my ($code) = @_;
    local $@;
    my $ok = eval { $code->(); 1 };
    return ($ok, $@);
}

# For classes that show what is said.
sub _is_shown   { 0 }
sub _show_lines { }

# Where Trace wants a line. Its code runs as the code of Progress does.
sub _traced {
    my ($self, $out, $line) = @_;
    my $facts = $self->_facts;
    my $sink = $facts->{trace} or return;
    $line =~ s/\r?\n?\z/\n/;
    local $facts->{in_callback} = 1;
    local ($!, $,, $\);
    return $sink->($out ? '>' : '<', $line) if ref $sink eq 'CODE';
    print {$sink} $out ? '>>> ' : '<<< ', $line;
    return;
}

# Trace, when it can be had; else nothing, and the reason in $@.
sub _checked_trace {
    my ($sink, $class) = @_;
    return $sink if ref $sink eq 'CODE';
    return $sink if (ref $sink or ref \$sink eq 'GLOB') and defined openhandle($sink) and not Mail::Wire::Source::is_read_only($sink);
    $@ = "$class: Trace must be a reference to code or an open handle to print to";
    return;
}

# The caller's code has its turn: to give the next piece, or to see the progress.
sub _call_back {
    my ($self, $method) = @_;
    my $facts = $self->_facts;
    local @{$facts}{qw(in_callback calling)} = (1, 0);
    my ($ok, $error) = _try(sub { $self->$method });
    return if $ok;
    my $why = Mail::Wire::Fault::why($error);
    $self->_callback_died($facts->{calling}, $why) if $facts->{calling};
    die $error if not defined $why;
}

# Runs until what is asked for is reached (true), or would have to be waited for.
sub _go {
    my ($self, $until, $id, $may_wait) = @_;
    $self->_croak_in_callback;
    my $jobs = $self->_jobs;
    my $watched = $self->_is_shown || (%$jobs ? grep { $_->{progress} } values %$jobs : 0);
    my $turns = 0;
    while (1) {
        my $said = $self->_run($until, $id, $may_wait, $watched ? 1 : 0);
        $self->_show_lines;
        if ($said == UNLINKED) {
            $self->_relink or return 0;
            next;
        }
        $self->_call_back($said == WANTS ? '_feed' : '_show_progress') if $said == WANTS or $watched;
        return $said == REACHED if $said == REACHED or $said == BLOCKED;
        return 0 if not $may_wait and ++$turns >= TURNS_MAX and $self->wants_write;
    }
}

# ---------------------------------------------------------------- the methods

# Of the last result that is no success, else of the last one.
sub transcript {
    my ($self) = @_;
    my @results = $self->results;
    my ($telling) = ((grep { !$_->is_success } reverse @results), reverse @results);
    return $telling ? $telling->transcript : ();
}

sub _croak_in_callback {
    my ($self) = @_;
    croak ref($self) . ': called from the code of Data or Progress of the same object' if $self->_facts->{in_callback};
    return;
}

# True when everything that was submitted has its results, which stay collectable.
sub finish {
    my ($self) = @_;
    $self->_croak_in_callback;
    return 1 if not $self->_unanswered;
    croak 'finish would have to wait: this object was made with Blocking => 0' if $self->_facts->{nonblocking};
    $self->_go(UNTIL_IDLE, 0, 1);
    return $self->_unanswered ? 0 : 1;
}

# For DESTROY: an object that goes takes what it was given with it.
sub _warn_of_orphans {
    my ($self, $count) = @_;
    return if not $count;
    my $what = $count == 1 ? '1 submitted message was' : "$count submitted messages were";
    warn +(ref $self || $self) . ": $what unanswered when the object went: call collect, finish or quit before\n";
    return;
}

sub advance {
    my ($self) = @_;
    $self->_croak_in_callback;
    $self->_go(UNTIL_BLOCKED, 0, 0) if $self->_unanswered;
    return $self->_unanswered;
}

sub timeout_in {
    my ($self) = @_;
    my $seconds = $self->_timeout_in;
    return $seconds < 0 ? undef : $seconds;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Client - what Net::LMTP and Net::QMTP have in common for deliveries

=head1 DESCRIPTION

Internal to Mail-Wire: the methods C<deliver>, C<submit>, C<collect> and those for event loops, as far as
they are the same for both protocols. They are described with each class.
It may change in any release.

=head1 SEE ALSO

L<Net::LMTP>, L<Net::QMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
