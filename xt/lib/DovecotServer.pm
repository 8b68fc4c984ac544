package DovecotServer;

# Dovecot's LMTP server in a folder of its own, for mailboxes of these users at any domain. It can be stopped and started again at the same place.
#
#   my $server = DovecotServer->start(users => [qw(ann ben)], conf => "more lines of dovecot.conf\n");
#   $server->url, ->path (a socket), ->port
#   kill 'KILL', $server->workers;    # its lmtp processes
#   $server->stop; $server->again;
#   $server->stored($pattern)         # how often each text that the pattern finds is in each user's mailbox: { user => { text => count } }

use strict;
use warnings;

use RealServer;

our @ISA = ('RealServer');

sub need {
    my ($class, @more) = @_;
    return RealServer->need('dovecot', '/usr/lib/dovecot/lmtp', [ 'root', $> == 0 ], @more);
}

sub start {
    my ($class, %arg) = @_;
    my $dir = $arg{dir} || $class->directory;
    _make_files($dir, @{ $arg{users} });
    my $self = RealServer::start($class,
        command => sub {
            _write("$dir/dovecot.conf", _configuration($dir, $_[0]) . ($arg{conf} || ''));
            return _command($dir);
        },
        dir    => $dir,
        banner => 1,
    );
    return $self;
}

sub _command { return (RealServer->program('dovecot'), '-F', '-c', "$_[0]/dovecot.conf") }

sub again {
    my ($self) = @_;
    $self->_spawn(_command($self->{dir}));
    return $self->_wait_until_it_answers;
}

# Workers outlive their master while a link to them is open.
sub stop {
    my ($self) = @_;
    my @workers = $self->workers;
    $self->SUPER::stop;
    kill 'KILL', grep { (readlink("/proc/$_/cwd") || '') eq "$self->{dir}/run" } @workers;
    return;
}

sub dir { $_[0]{dir} }

sub path { "$_[0]{dir}/run/lmtp" }

sub url { 'lmtp://127.0.0.1:' . $_[0]->port }

# The processes that speak LMTP are the master's children of that name.
sub workers {
    my ($self) = @_;
    my $master = $self->pid;
    return if not defined $master;
    my @pids;
    foreach my $file (glob '/proc/[0-9]*/stat') {
        my ($pid, $name, $parent) = RealServer::slurp($file) =~ /\A(\d+) \((.*)\) \S (\d+) /s or next;
        push @pids, $pid if $parent == $master and $name eq 'lmtp';
    }
    return @pids;
}

sub stored {
    my ($self, $pattern) = @_;
    my %stored;
    foreach my $file (glob "$self->{dir}/mail/*/{new,cur}/*") {
        my ($user) = $file =~ m{/mail/([^/]+)/};
        my ($text) = RealServer::slurp($file) =~ $pattern;
        $stored{$user}{ defined $text ? $text : '' }++;
    }
    return \%stored;
}

sub _make_files {
    my ($dir, @users) = @_;
    my ($uid, $gid) = (getpwnam 'nobody')[ 2, 3 ];
    chmod 0755, $dir or die "$dir: $!";
    mkdir "$dir/mail" or die "$dir/mail: $!";
    chown $uid, $gid, "$dir/mail" or die "$dir/mail: $!";
    _write("$dir/users", join '', map { join(':', $_, '{PLAIN}secret', $uid, $gid, '', "$dir/mail/$_", '', '') . "\n" } @users);
    return;
}

sub _write {
    my ($path, $text) = @_;
    open my $out, '>:raw', $path or die "$path: $!";
    print {$out} $text;
    close $out or die "$path: $!";
    return;
}

sub _configuration {
    my ($dir, $port) = @_;
    return <<"CONF";
base_dir = $dir/run
state_dir = $dir/run
log_path = $dir/dovecot.log
protocols = lmtp
listen = 127.0.0.1
ssl = no
first_valid_uid = 1
mail_location = maildir:$dir/mail/%n
mail_fsync = never
auth_username_format = %n
postmaster_address = postmaster\@example.org
hostname = server.example.org
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = $port
  }
}
userdb {
  driver = passwd-file
  args = $dir/users
}
passdb {
  driver = passwd-file
  args = $dir/users
}
CONF
}

1;
