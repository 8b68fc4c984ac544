package Mail::Wire::Deliveries;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(carp croak);
use Mail::Wire::Address ();
use Mail::Wire::Client ();
use Mail::Wire::Parameters ();
use Mail::Wire::Result ();
use Mail::Wire::Source ();
use Mail::Wire::Spool ();

our @ISA = ('Mail::Wire::Client');
our @CARP_NOT = ('Net::LMTP', 'Mail::Wire::Client');

# What deliver, submit and collect of Net::LMTP have of their own; the rest is in Mail::Wire::Client. The rules of what may
# be sent when are the core's; here are arguments, sources and results.

# The stages of results, in the glue's order.
use constant { STAGE_MAIL => 1, STAGE_RCPT => 2, STAGE_BODY => 4 };

# The longest address. Servers refuse far shorter ones (RFC 5321 4.5.3.1.3: 256), but that is theirs to say.
use constant ADDRESS_MAX => 1000 + length '<>';

my $OPEN = 'a message is open, begun by mail: end or reset it first';

my %is_mail_option = map { $_ => 1 } Mail::Wire::Parameters::mail_options();

# ---------------------------------------------------------------- arguments

# "<address>" in octets, and why it cannot be sent, if so.
sub _deliverable {
    my ($self, $address, $utf8) = @_;
    my $path = $self->_addr($address);
    utf8::encode($path) if $path =~ /[^\x00-\xff]/;
    my $given = defined $address && !ref $address && $address =~ /[\r\n\0]/ ? "<$address>" : $path;
    utf8::encode($given) if $given =~ /[^\x00-\xff]/;
    my $error = Net::LMTP::_address_error($given);
    return ($given, $error) if defined $error;
    (my $shown = $path) =~ s/\A<(.*)>\z/$1/s;
    return ($path, "'" . substr($shown, 0, 200) . "...' is an address that is too long") if length $path > ADDRESS_MAX;
    if ($path =~ /[^\x00-\x7f]/) {
        return ($path, "'$shown' is not ASCII, and SMTPUTF8 is not asked for or not offered") if not $utf8;
        my $check = $path;
        return ($path, "'$shown' is not valid UTF-8") if not utf8::decode($check);
    }
    return ($path, undef);
}

sub _croak_refusal {
    my ($self) = @_;
    my ($why) = $self->message;
    chomp $why;
    croak $why;
}

# The recipients for the glue: [ address, line ], or [ address, undef, stage, code, why ] for one that is not to be sent.
sub _recipients {
    my ($self, $to, $utf8, $sender_error) = @_;
    my @list;
    foreach my $entry (@$to) {
        my ($address, $option) = ref $entry eq 'ARRAY' ? @$entry : ($entry);
        croak 'To has an undefined address' if not defined $address;
        Mail::Wire::Address::check(To => $address);
        croak 'the options of a recipient must be a reference to a hash' if defined $option and ref $option ne 'HASH';
        my ($path, $error) = $self->_deliverable("$address", $utf8);
        (my $shown = $path) =~ s/\A<(.*)>\z/$1/s;
        if    (defined $sender_error) { push @list, [ $shown, undef, STAGE_MAIL, 553, "sender: $sender_error" ] }
        elsif (defined $error)        { push @list, [ $shown, undef, STAGE_RCPT, 553, $error ] }
        else {
            my $parameters = Mail::Wire::Parameters::recipient($self, { %{ $option || {} } });
            $self->_croak_refusal if not defined $parameters;
            push @list, [ $shown, "RCPT TO:$path$parameters" ];
        }
    }
    return \@list;
}

# Everything that the glue needs, from the caller's arguments.
sub _job {
    my ($self, $method, @arguments) = @_;
    my %arg = Mail::Wire::Client::_pairs($method, @arguments);
    my $errno = 0 + $!;
    $self->_ready(!$self->_facts->{nonblocking});
    croak $OPEN if $self->_in_transaction;
    my $job = Mail::Wire::Client::_common($method, \%arg);
    my @unknown = grep { !$is_mail_option{$_} } sort keys %arg;
    croak "$method: unknown argument @unknown" if @unknown;

    Mail::Wire::Address::check(From => $job->{from});
    $job->{source} = Mail::Wire::Source->new(delete @{$job}{qw(data file)});
    $job->{total} = $job->{source}->size;
    my $utf8 = $arg{SMTPUTF8} && defined $self->supports('SMTPUTF8');
    my $from = delete $job->{from};
    my ($path, $error) = $self->_deliverable(defined $from ? "$from" : undef, $utf8);
    (my $parameters, $job->{raw}) = Mail::Wire::Parameters::mail($self, \%arg);
    $self->_croak_refusal if not defined $parameters;
    $job->{mail} = not(defined $error) ? "MAIL FROM:$path$parameters" : undef;
    $job->{rcpts} = $self->_recipients(delete $job->{to}, $utf8, $error);
    $! = $errno;
    return $job;
}

# ---------------------------------------------------------------- options

# For new: its options for deliveries, as Mail::Wire::Options has checked them.
sub _prepare {
    my ($self, $set) = @_;
    my $seconds = $set->{StageTimeout};
    $self->_window(@{$set}{qw(Window WindowBytes EagerBody)});
    $self->_default_timeout(defined $set->{cap} ? -1 : $set->{Timeout});
    $self->_wait_seconds($_, $seconds->{$_}) foreach grep { defined $seconds->{$_} } qw(lhlo mail rcpt data body final rset);
    $self->_wait_seconds('next', $set->{NextReplyTimeout} || $self->_wait_seconds('final'));
    return;
}

# ---------------------------------------------------------------- running

# A reference to the same text, in octets. The glue would croak with a line of ours.
sub _as_octets {
    my ($text) = @_;
    return $text if not $text or not utf8::is_utf8($$text);
    my $octets = $$text;
    utf8::downgrade($octets, 1) or croak 'Wide character in a message: encode the text first, for example with Encode::encode';
    return \$octets;
}

sub _launch {
    my ($self, $job) = @_;
    croak $OPEN if $self->_in_transaction;
    my ($raw, $errno) = ($job->{raw}, 0 + $!);
    $job->{source}->until($job->{deadline} ? $job->{since} + $job->{deadline} : 0);
    $self->_launching($job);
    my ($id, $text) = $self->_launch_file($job, $raw);
    if (not $id) {
        $text = $raw && !$text ? $self->_read_ahead($job, 'gather') : _as_octets($text || $job->{source}->text);
        $text = $self->_read_ahead($job, 'prime') && undef if not $text and $self->opened and not $job->{unread};
        $text = \'' if $job->{unread};
        $job->{is_pulled} = !$text;
        $id = $self->_fly($job->{mail}, $job->{rcpts}, $text ? $$text : undef, $raw, Mail::Wire::Client::_left($job), $job->{id});
        $job->{total} = length $$text if $text;
    }
    delete $job->{rcpts};
    $self->_launched;
    $! = $errno;
    return $id;
}

# All of the content, or its first piece, as octets. The caller's code may die over it: then nobody gets the message, and nothing of
# it was sent. When it cannot be read there are results that say so.
sub _read_ahead {
    my ($self, $job, $method) = @_;
    my $text;
    my ($ok, $error) = Mail::Wire::Client::_try(sub {
        local $self->_facts->{in_callback} = 1;
        $self->_hold;
        $text = _as_octets($job->{source}->$method);
        $self->_let_go;
    });
    return $text if $ok;
    $self->_let_go;
    my $why = Mail::Wire::Source::fault($error);
    if (defined $why) {
        $self->_unread($job, $why);
        return;
    }
    $self->_delivered(_unread_results($job->{rcpts}));
    die $error;
}

# Nobody gets the message, as it cannot be read: nothing of it is sent.
sub _unread {
    my ($self, $job, $why) = @_;
    my $words = '[' . ref($self) . "] $why";
    utf8::encode($words) if $words =~ /[^\x00-\xff]/;
    $job->{unread} = 1;
    $job->{rcpts} = [ map { defined $_->[1] ? [ $_->[0], undef, STAGE_BODY, 421, $words ] : $_ } @{ $job->{rcpts} } ];
    return;
}

# Results for the glue's recipients.
sub _unread_results {
    my ($rcpts) = @_;
    my %stage = (STAGE_MAIL, 'mail', STAGE_RCPT, 'rcpt');
    my @results;
    foreach my $rcpt (@$rcpts) {
        my ($address, $line, $stage, $code, $why) = @$rcpt;
        push @results, Mail::Wire::Result->_new($address, scalar @results,
            defined $line ? (421, 'the message could not be read', 'body') : ($code, $why, $stage{$stage}));
    }
    return \@results;
}

sub _deferrals_for {
    my ($self, $to, $why) = @_;
    my $index = 0;
    return [ map { Mail::Wire::Result->_new($_, $index++, 421, $why, 'body') } @$to ];
}

sub _is_taken { $_[0]->_in_transaction || $_[0]->_facts->{in_callback} }

sub _noted { }

# A plain file: a large one is read when its turn has come, and its delivery has an id; a small one's text is returned.
sub _launch_file {
    my ($self, $job, $raw) = @_;
    my $source = $job->{source};
    my $file = $source->file;
    return if not $file;
    my $content;
    my ($ok, $error) = Mail::Wire::Client::_try(sub { $content = Mail::Wire::Spool->new($source) });
    if (not $ok) {
        my $why = Mail::Wire::Source::fault($error);
        die $error if not defined $why;
        return $self->_unread($job, $why);
    }
    return (undef, $content->text) if $content->text;
    return $self->_fly_file($job->{mail}, $job->{rcpts}, $content->stretch, $raw, Mail::Wire::Client::_left($job), $job->{id});
}

sub _feed {
    my ($self) = @_;
    my $id = $self->_facts->{calling} = $self->_wants or return;    # debug_print has closed the link
    my $piece = $self->_jobs->{$id}{source}->next;
    return if $self->_wants != $id;    # the code has closed the link
    $self->_piece(defined $piece ? ${ _as_octets(\$piece) } : undef);
    return;
}

# If its message is half sent the link is of no use any more.
sub _callback_died {
    my ($self, $id, $why) = @_;
    return $self->_interrupted($id, defined $why ? $why : ());
}

sub _is_shown { $_[0]->_debug_level }

sub _show_lines {
    my ($self) = @_;
    my @lines = $self->_lines or return;
    local $self->_facts->{in_callback} = 1;
    while (my ($out, $line) = splice @lines, 0, 2) { $self->debug_print($out, "$line\n") }
    return;
}

# For flush: what may be sent without more replies is sent. True unless the link was lost, or some of it would have to be waited for.
sub _send_queued {
    my ($self) = @_;
    return $self->_go(Mail::Wire::Client::UNTIL_SENT, 0, !$self->_facts->{nonblocking}) && $self->opened ? 1 : 0;
}

# For DESTROY.
sub _went {
    my ($self) = @_;
    local ($@, $!, $?);
    my $count = eval { $self->_orphans };
    $self->_warn_of_orphans($count);
    return;
}

# For quit: every delivery has its results.
sub _land {
    my ($self) = @_;
    $self->_go(Mail::Wire::Client::UNTIL_IDLE, 0, 1) if $self->_unanswered;
    return;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Deliveries - what Net::LMTP adds for deliver and submit

=head1 DESCRIPTION

Internal to Mail-Wire: arguments, options and results of LMTP deliveries, behind the methods
C<deliver>, C<submit> and C<collect> of L<Net::LMTP>, where they are described. It may change in any
release.

=head1 SEE ALSO

L<Net::LMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
